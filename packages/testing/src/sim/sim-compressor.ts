import { sleep, StreamError, type Compressor } from "@millrace/core";

import type { SimProcess } from "./sim-process.ts";

/** Returns a compressor that takes time and changes nothing. */
export function createSimCompressor(process: SimProcess): Compressor {
  const clock = process.clock();
  return {
    name: "none",
    async compress(bytes) {
      await sleep(clock, 1);
      return bytes.slice();
    },
    async decompress(bytes, rawLength) {
      await sleep(clock, 1);
      if (bytes.length === rawLength) return bytes.slice();
      throw new StreamError(
        "decode-failed",
        `a block has ${bytes.length} bytes, not ${rawLength}`,
        {
          domain: "external",
          retry: "never",
        },
      );
    },
  };
}
