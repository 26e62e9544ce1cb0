import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { SinkConnector } from "millrace";

import { hasEndedSplit, type StampedWord } from "./paced-source.ts";
import { monotonicMs } from "./ticker.ts";

export interface LatencySinkOptions {
  /** A folder for `latency-<subtask>`. */
  readonly samples: string;
  /** Of all subtasks at most. */
  readonly events: number;
  /** What was created so long behind the first is measured. */
  readonly skipMs: number;
}

/**
 * Returns a sink that keeps how long each record was under way and writes it, as 32-bit floats of
 * milliseconds behind the number of all records, with each checkpoint behind the end of its slot's split.
 */
export function latencies(options: LatencySinkOptions): SinkConnector<StampedWord> {
  return {
    connector: "bench-latencies",
    options: { ...options },
    guarantee: "at-least-once",
    createWriter: ({ subtaskIndex }) => {
      const { samples, events, skipMs } = options;
      mkdirSync(samples, { recursive: true });
      const path = join(samples, `latency-${subtaskIndex}`);
      const values = new Float32Array(events);
      let fromMs = Infinity;
      let recordCount = 0;
      let count = 0;
      return {
        write: ({ createdMs }) => {
          if (recordCount === 0) fromMs = createdMs + skipMs;
          recordCount += 1;
          if (createdMs < fromMs) return;
          values[count] = monotonicMs() - createdMs;
          count += 1;
        },
        bufferedBytes: () => 0,
        flush: () => Promise.resolve(),
        prepare: () => {
          if (hasEndedSplit()) {
            const head = Float32Array.of(recordCount);
            writeFileSync(`${path}.new`, Buffer.concat([toBytes(head), toBytes(values, count)]));
            renameSync(`${path}.new`, path);
          }
          return Promise.resolve(undefined);
        },
        publish: () => Promise.resolve(),
        removeOrphans: () => Promise.resolve(),
      };
    },
  };
}

function toBytes(values: Float32Array, count: number = values.length): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, count * Float32Array.BYTES_PER_ELEMENT);
}
