import { silentLogger } from "@millrace/core";
import type { OperatorContext } from "@millrace/operators";

/** Returns what an operator gets that runs by itself, without a task; it prints nothing and has no late records. */
export function benchContext(
  own: Pick<OperatorContext, "operatorName" | "output" | "keyed" | "currentWatermarkMs">,
): OperatorContext {
  return {
    ...own,
    seenWatermarkMs: own.currentWatermarkMs,
    jobId: "job",
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    sideOutput: () => ({ emit: () => {} }),
    processingTimeMs: () => 0,
    turnTimeMs: () => 0,
    clock: unused("clock"),
    disk: unused("disk"),
    logger: silentLogger,
    printLine: refuse,
    countLate: refuse,
  };
}

/** Stands in for a port that the operator has no use for. */
function unused<Port extends object>(name: string): Port {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each use of it throws
  return new Proxy({} as Port, { get: () => refuse(name) });
}

function refuse(what: unknown): never {
  throw new Error(`the operator did not expect this: ${String(what)}`);
}
