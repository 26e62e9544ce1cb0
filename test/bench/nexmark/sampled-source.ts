import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { SourceConnector, SplitHandle } from "millrace";

import { SampleFile } from "../job/sample-file.ts";

/** What is done beside reading. */
interface Sampling {
  /** The folder for `source-<subtask>.samples`, the progress of each subtask. */
  readonly samples: string;
  /** How long a split ends behind its last record. */
  readonly lingerMs: number;
}

/** Returns the source, which also writes down how far its subtasks are. */
export function sampled<T>(
  source: SourceConnector<T>,
  { samples, lingerMs }: Sampling,
): SourceConnector<T> {
  return {
    ...source,
    createReader: (context) => {
      const reader = source.createReader(context);
      mkdirSync(samples, { recursive: true });
      const progress = new SubtaskProgress(join(samples, `source-${context.subtaskIndex}.samples`));
      return {
        ...reader,
        open: async (split, position) =>
          sampledHandle(await reader.open(split, position), progress, lingerMs),
      };
    },
  };
}

/** Of one subtask, over all of its splits. */
class SubtaskProgress {
  readonly #file: SampleFile;
  #count = 0;
  #isBegun = false;

  constructor(path: string) {
    this.#file = new SampleFile(path);
  }

  /** The records of the batch before are through when the next one is asked for. */
  next(records: number): void {
    if (this.#isBegun) this.#file.offer(this.#count);
    else this.#file.add(0);
    this.#isBegun = true;
    this.#count += records;
  }

  endSplit(): void {
    this.#file.add(this.#count);
  }
}

function sampledHandle<T>(
  handle: SplitHandle<T>,
  progress: SubtaskProgress,
  lingerMs: number,
): SplitHandle<T> {
  return {
    nextBatch: async () => {
      const batch = await handle.nextBatch();
      if (batch === undefined) {
        progress.endSplit();
        await delay(lingerMs);
      } else progress.next(batch.records.length);
      return batch;
    },
    close: () => handle.close(),
  };
}
