import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { SourceConnector, SplitHandle } from "millrace";

import { SampleFile } from "../job/sample-file.ts";

/** Returns the source, which also writes the progress of each split to `source-<split>.samples` in the folder. */
export function sampled<T>(source: SourceConnector<T>, samples: string): SourceConnector<T> {
  return {
    ...source,
    createReader: (context) => {
      const reader = source.createReader(context);
      mkdirSync(samples, { recursive: true });
      return {
        open: async (split, position) => {
          const handle = await reader.open(split, position);
          return sampledHandle(handle, new SampleFile(join(samples, `source-${split.id}.samples`)));
        },
        close: () => reader.close(),
      };
    },
  };
}

function sampledHandle<T>(handle: SplitHandle<T>, samples: SampleFile): SplitHandle<T> {
  let count = 0;
  return {
    nextBatch: async () => {
      const batch = await handle.nextBatch();
      if (batch === undefined) samples.add(count);
      else if (count === 0) samples.add(0);
      else samples.offer(count);
      count += batch?.records.length ?? 0;
      return batch;
    },
    close: () => handle.close(),
  };
}
