import { ByteReader, decodeFailed } from "../byte-reader.ts";
import {
  batchFormatVersion,
  batchHeadBytes,
  hashFlag,
  maxBatchShapes,
  timestampModes,
} from "./batch-format.ts";

/** What a batch says of itself, and where its parts begin. */
export interface BatchHead {
  readonly hasHash: boolean;
  readonly shapeCount: number;
  readonly recordCount: number;
  readonly intCount: number;
  readonly floatCount: number;
  readonly timestampMode: number;
  readonly wideOffset: number;
  readonly shapesOffset: number;
  readonly shapeIndexesOffset: number;
  readonly bytesOffset: number;
  readonly textOffset: number;
  readonly anyOffset: number;
}

/** Returns the head of a batch whose parts fill it exactly. Throws `decode-failed`. */
export function parseBatchHead(payload: Uint8Array): BatchHead {
  const input = new ByteReader(payload);
  const version = input.u8();
  if (version !== batchFormatVersion) throw decodeFailed(`a batch has the version ${version}`);
  const flags = input.u8();
  if (flags > hashFlag) throw decodeFailed(`a batch has the unknown flags ${flags}`);
  const shapeCount = input.u16();
  if (shapeCount > maxBatchShapes) throw decodeFailed("a batch says too many shapes");
  const recordCount = input.u32();
  // Each takes a byte at least.
  if (recordCount > payload.length) throw decodeFailed("a batch says too many records");
  const shapesBytes = input.u32();
  const intCount = input.u32();
  const floatCount = input.u32();
  const bytesLength = input.u32();
  const textLength = input.u32();
  const anyLength = input.u32();
  const timestampMode = input.u32();
  if (timestampMode > timestampModes.plain || input.u32() !== 0) {
    throw decodeFailed("a batch's timestamps are stored in an unknown way");
  }
  const hasHash = flags === hashFlag;
  const wideTimestamps = timestampMode === timestampModes.plain ? recordCount : 1;
  const narrowTimestamps = timestampMode === timestampModes.deltas ? recordCount : 0;
  const narrowCount = narrowTimestamps + (hasHash ? recordCount : 0) + intCount;
  const shapesOffset = batchHeadBytes + 8 * (wideTimestamps + floatCount) + 4 * narrowCount;
  const shapeIndexesOffset = shapesOffset + shapesBytes;
  const bytesOffset = shapeIndexesOffset + (shapeCount > 1 ? recordCount : 0);
  const textOffset = bytesOffset + bytesLength;
  const anyOffset = textOffset + textLength;
  if (anyOffset + anyLength !== payload.length) {
    throw decodeFailed("a batch's parts are not as long as it is");
  }
  return {
    hasHash,
    shapeCount,
    recordCount,
    intCount,
    floatCount,
    timestampMode,
    wideOffset: batchHeadBytes,
    shapesOffset,
    shapeIndexesOffset,
    bytesOffset,
    textOffset,
    anyOffset,
  };
}
