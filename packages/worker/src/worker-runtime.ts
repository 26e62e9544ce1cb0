import { assert } from "@millrace/core";

import type { WorkerConfig } from "./worker-config.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";
import type { WorkerPorts } from "./worker-ports.ts";

export interface Worker {
  /** Starts the slots and looks for the leading coordinator; returns at once. */
  start(): void;
  readMetrics(): WorkerMetrics;
  /**
   * Resolves when the worker has closed. Rejects when it stopped by itself: `version-skew`, or
   * `coordinator-unreachable` after the orphan timeout.
   */
  readonly done: Promise<void>;
  /** Takes nothing more in, terminates the slots, ends the session. Idempotent. */
  close(): Promise<void>;
}

/** Returns a worker that does nothing before `start`. */
export function createWorker(options: WorkerPorts & { readonly config: WorkerConfig }): Worker {
  assert(options.config.slotCount > 0, "a worker has at least one slot");
  return {
    start: () => {},
    readMetrics: () => {
      throw new Error("not built yet");
    },
    done: Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
