import { randomFillSync } from "node:crypto";

import type { Random } from "@millrace/core";

/** Returns randomness of the operating system. */
export function createNodeRandom(): Random {
  const buffer = new Uint32Array(256);
  let next = buffer.length;
  return {
    uint32() {
      if (next === buffer.length) {
        randomFillSync(buffer);
        next = 0;
      }
      const value = buffer[next] ?? 0;
      next += 1;
      return value;
    },
  };
}
