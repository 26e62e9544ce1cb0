import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { SourceConnector, SplitHandle } from "millrace";

import { SampleFile } from "../job/sample-file.ts";

/** What is done beside reading. */
interface Sampling {
  /** The folder for `source-<split>.samples`, the progress of each split. */
  readonly samples: string;
  /** How long a split ends behind its last record. */
  readonly lingerMs: number;
}

/** Returns the source, which also writes down how far it is. */
export function sampled<T>(
  source: SourceConnector<T>,
  { samples, lingerMs }: Sampling,
): SourceConnector<T> {
  return {
    ...source,
    createReader: (context) => {
      const reader = source.createReader(context);
      mkdirSync(samples, { recursive: true });
      return {
        open: async (split, position) => {
          const handle = await reader.open(split, position);
          const file = new SampleFile(join(samples, `source-${split.id}.samples`));
          return sampledHandle(handle, file, lingerMs);
        },
      };
    },
  };
}

function sampledHandle<T>(
  handle: SplitHandle<T>,
  samples: SampleFile,
  lingerMs: number,
): SplitHandle<T> {
  let count = 0;
  return {
    nextBatch: async () => {
      const batch = await handle.nextBatch();
      if (batch === undefined) {
        samples.add(count);
        await delay(lingerMs);
      } else if (count === 0) samples.add(0);
      else samples.offer(count);
      count += batch?.records.length ?? 0;
      return batch;
    },
    close: () => handle.close(),
  };
}
