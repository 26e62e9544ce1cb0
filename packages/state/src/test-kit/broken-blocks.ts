import { StreamError } from "@millrace/core";
import fc from "fast-check";

import type { StateBlock } from "../contract.ts";

/** Returns the blocks with another byte, as a rule, at one place of one of them. */
export function withBrokenByte(blocks: readonly StateBlock[]): fc.Arbitrary<readonly StateBlock[]> {
  return fc
    .tuple(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([which, position, byte]) =>
      blocks.map((block, index) => {
        if (index !== which % blocks.length) return block;
        const bytes = block.bytes.slice();
        bytes[position % bytes.length] = byte;
        return { ...block, bytes };
      }),
    );
}

/** Returns `read` if all went well, else the code of the error. */
export function outcomeOf(read: () => void): string {
  try {
    read();
    return "read";
  } catch (error) {
    return StreamError.from(error).code;
  }
}
