import type { Manifest } from "./manifest.ts";

/** The job that is to go on from a checkpoint of another one. */
export interface RestoringPlan {
  readonly maxParallelism: number;
  readonly operators: readonly {
    readonly name: string;
    readonly isKeyed: boolean;
    readonly hasState: boolean;
  }[];
  /** State of operators that the plan does not have is left behind. */
  readonly allowDroppedState: boolean;
}

/**
 * Returns why the plan cannot go on from the checkpoint, and what to do; undefined if it can. An
 * operator keeps its state by its name (Flink: uid and allowNonRestoredState).
 */
export function findMismatch(manifest: Manifest, plan: RestoringPlan): string | undefined {
  if (manifest.maxParallelism !== plan.maxParallelism) {
    return (
      `its keys lie in ${manifest.maxParallelism} key groups and those of the new job in ${plan.maxParallelism}: ` +
      `set maxParallelism: ${manifest.maxParallelism} in job.defaults`
    );
  }
  const kinds = new Map(manifest.chains.map(({ operator, kind }) => [operator, kind]));
  const planned = new Map(plan.operators.map((operator) => [operator.name, operator]));
  for (const chain of manifest.chains) {
    if (chain.kind === "keyed") kinds.set(chain.operator, "keyed");
  }
  const dropped = [...kinds.keys()].filter((name) => planned.get(name)?.hasState !== true);
  if (dropped.length > 0 && !plan.allowDroppedState) {
    return (
      `it has state of ${dropped.join(", ")}, of which the new job has no operator with state: ` +
      "give the operators their names back, or leave that state behind with --allow-dropped-state"
    );
  }
  for (const [name, kind] of kinds) {
    const operator = planned.get(name);
    if (operator?.hasState !== true || kind !== "keyed" || operator.isKeyed) continue;
    return `operator ${name} has state by key in it and is not keyed in the new job: give one of them another name`;
  }
  return undefined;
}
