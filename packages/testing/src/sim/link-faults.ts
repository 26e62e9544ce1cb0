import type { SeededRandom } from "./seeded-random.ts";
import type { SimProcess } from "./sim-process.ts";

/** How links behave; the fault schedule changes it while the simulation runs. */
export interface LinkConditions {
  minLatencyMs: number;
  maxLatencyMs: number;
  /** Names of processes (a prefix up to the first `#` counts) that cannot reach each other. */
  readonly partitions: Set<string>;
  /** By a worker's machine: how much longer messages between it and coordinators take. */
  readonly farMs: Map<string, number>;
  /** How often a message of a session comes a second time. */
  repeats: number;
}

export function createLinkConditions(): LinkConditions {
  return {
    minLatencyMs: 0.2,
    maxLatencyMs: 2,
    partitions: new Set(),
    farMs: new Map(),
    repeats: 0,
  };
}

/** Returns the key under which `partitions` knows a pair of processes. */
export function pairKey(left: string, right: string): string {
  return [machineOf(left), machineOf(right)].toSorted().join("|");
}

/** Whether a message can pass between the processes now. */
export function canReach(conditions: LinkConditions, left: SimProcess, right: SimProcess): boolean {
  return !conditions.partitions.has(pairKey(left.name, right.name));
}

/** Returns a latency for one message between the processes. */
export function drawLatencyMs(
  conditions: LinkConditions,
  random: SeededRandom,
  [left, right]: readonly [SimProcess, SimProcess],
): number {
  const { minLatencyMs, maxLatencyMs } = conditions;
  const isNear = conditions.farMs.size === 0;
  const farMs = isNear ? 0 : farMsOf(conditions, left, right) + farMsOf(conditions, right, left);
  return farMs + minLatencyMs + ((maxLatencyMs - minLatencyMs) * random.below(1_000)) / 1_000;
}

function farMsOf({ farMs }: LinkConditions, worker: SimProcess, other: SimProcess): number {
  return other.name.startsWith("coordinator") ? (farMs.get(machineOf(worker.name)) ?? 0) : 0;
}

/** Process `worker-1.7` and its slot `worker-1.7#slot-0.1` share the links of machine `worker-1`. */
export function machineOf(name: string): string {
  return name.split(".")[0] ?? name;
}
