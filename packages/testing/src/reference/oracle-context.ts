import { silentLogger, type LocalDisk } from "@millrace/core";
import type { ConnectorContext } from "@millrace/graph";

/** Returns what the oracle gives a connector: the disk, and a clock that does not wait. */
export function createOracleContext(operatorName: string, disk: LocalDisk): ConnectorContext {
  return {
    jobId: "oracle",
    operatorName,
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    disk,
    clock: {
      monotonicMs: () => 0,
      wallMs: () => 0,
      schedule: (_delayMs, callback) => {
        queueMicrotask(callback);
        return { [Symbol.dispose]: () => {} };
      },
    },
    logger: silentLogger,
  };
}
