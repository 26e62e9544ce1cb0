import { assert } from "../../assert.ts";
import { ByteReader, decodeFailed } from "../byte-reader.ts";
import {
  BatchCode,
  type ConsumeBatchRecord,
  type DrainBatch,
  type ReadValue,
} from "./batch-code.ts";
import { BatchColumns } from "./batch-columns.ts";
import { timestampModes } from "./batch-format.ts";
import type { BatchHead } from "./batch-head.ts";
import type { DrainPace, LookAhead } from "./drain-pace.ts";
import type { BatchKind } from "./reader-source.ts";

const ignore: LookAhead = () => {};

/**
 * Reads the batches of one channel, one after the other, straight from their bytes. All bytes are
 * suspect: everything wrong throws `decode-failed`, at the latest behind the last record.
 */
export class BatchReader {
  readonly #columns = new BatchColumns();
  readonly #code: BatchCode;
  #drain: DrainBatch | undefined;

  constructor(code: BatchCode = new BatchCode()) {
    this.#code = code;
  }

  /** Records of the batch that were handed out. */
  get index(): number {
    return this.#columns.index;
  }

  /** Stands before the first record of a batch. Throws `decode-failed`. */
  begin(payload: Uint8Array, head: BatchHead): void {
    this.#columns.begin(payload, head);
    this.#drain = this.#drainOf(payload, head);
  }

  /** Calls `consume` until the batch is used up (true) or its pace ends (false). */
  drain(consume: ConsumeBatchRecord, pace: DrainPace, lookAhead: LookAhead = ignore): boolean {
    assert(this.#drain !== undefined, "a batch is begun before it is drained");
    if (!this.#drain(consume, pace, lookAhead)) return false;
    const isUsedUp = this.#columns.isUsedUp();
    this.#drain = undefined;
    this.#columns.clear();
    if (!isUsedUp) throw decodeFailed("bytes follow the last record of a batch");
    return true;
  }

  #drainOf(payload: Uint8Array, head: BatchHead): DrainBatch {
    const kind: BatchKind = {
      hasHash: head.hasHash,
      isTimeConstant: head.timestampMode === timestampModes.constant,
    };
    const encoded = payload.subarray(head.shapesOffset, head.shapeIndexesOffset);
    if (head.shapeCount === 1) return this.#drainOfOne(encoded, kind);
    const shapes = payload.subarray(head.shapeIndexesOffset, head.bytesOffset);
    const readers = this.#readersOf(encoded, head.shapeCount);
    const drain = this.#code.drainMixed(kind, this.#columns);
    return (consume, pace, lookAhead) => drain({ consume, pace, lookAhead }, readers, shapes);
  }

  #drainOfOne(encoded: Uint8Array, kind: BatchKind): DrainBatch {
    const input = new ByteReader(encoded);
    const shape = input.bytes(input.count());
    if (input.remaining > 0) throw decodeFailed("bytes follow the shape of a batch");
    return this.#code.drain(shape, kind, this.#columns);
  }

  #readersOf(encoded: Uint8Array, shapeCount: number): readonly ReadValue[] {
    const input = new ByteReader(encoded);
    const readers: ReadValue[] = [];
    for (let index = 0; index < shapeCount; index += 1) {
      readers.push(this.#code.read(input.bytes(input.count()), this.#columns));
    }
    if (input.remaining > 0) throw decodeFailed("bytes follow the shapes of a batch");
    return readers;
  }
}
