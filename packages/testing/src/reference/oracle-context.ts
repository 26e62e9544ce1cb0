import { silentLogger, type LocalDisk } from "@millrace/core";
import type { ConnectorContext } from "@millrace/graph";

/** Later than anything that comes with time. */
const lateMs = 1e12;

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
      monotonicMs: () => lateMs,
      wallMs: () => lateMs,
      schedule: (_delayMs, callback) => {
        queueMicrotask(callback);
        return { [Symbol.dispose]: () => {} };
      },
    },
    logger: silentLogger,
  };
}
