import type { timestampModes } from "./batch-format.ts";

export interface PackedTimestamps {
  readonly mode: keyof typeof timestampModes;
  /** In words of 8 bytes. */
  readonly wide: Float64Array;
  /** In words of 4 bytes. */
  readonly narrow?: Int32Array;
}

/**
 * Returns the timestamps in the smallest form that gives each of them back exactly.
 * @param isConstant whether they are all equal by `===`: so 0 may stand beside -0.
 */
export function packTimestamps(timestamps: Float64Array, isConstant: boolean): PackedTimestamps {
  const first = timestamps.subarray(0, 1);
  if (isConstant && timestamps[0] !== 0) return { mode: "constant", wide: first };
  const narrow = new Int32Array(timestamps.length);
  let before = timestamps[0] ?? 0;
  for (let index = 0; index < timestamps.length; index += 1) {
    const timestampMs = timestamps[index] ?? 0;
    const delta = timestampMs - before;
    // Not what is no integer of 32 bits, nor -0, which no sum gives.
    if (delta !== (delta | 0) || !Object.is(before + delta, timestampMs)) {
      return { mode: "plain", wide: timestamps };
    }
    narrow[index] = delta;
    before = timestampMs;
  }
  return { mode: "deltas", wide: first, narrow };
}
