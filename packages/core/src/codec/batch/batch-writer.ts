import { StreamError } from "../../error.ts";
import { notEncodable } from "../unencodable.ts";
import {
  batchFormatVersion,
  batchHeadBytes,
  hashFlag,
  maxBatchShapes,
  timestampModes,
} from "./batch-format.ts";
import { BatchStreams } from "./batch-streams.ts";
import { anySchema } from "./schema.ts";
import { packTimestamps } from "./timestamps.ts";
import { WriterShapeTable, type RecordShape } from "./writer-shape-table.ts";

const initialRecords = 1024;
/** What a record counts at least: bounds the records, and so the timestamps, of a batch of a size. */
const minRecordBytes = 4;

type Words = Uint8Array | Int32Array | Float64Array;

/** Returns bytes of any content. */
type AllocateBytes = (sizeBytes: number) => Uint8Array<ArrayBuffer>;

export interface BatchWriterOptions {
  readonly hasHash: boolean;
  /** One encoded record. */
  readonly maxRecordBytes: number;
  /** Of any stream of a batch. */
  readonly limitBytes: number;
}

const noShape: RecordShape = {
  schema: anySchema,
  append: () => false,
  hasAny: false,
  encoded: new Uint8Array(0),
  indexInBatch: -1,
};

/**
 * Collects records as a batch in the format of `batch-format.ts`.
 *
 * I1 What is not plain data is refused by name and path (as in ValueWriter); a refused record leaves
 *    nothing behind.
 * I2 What a generated writer does not take exactly goes to another one, or to the fallback, never
 *    into a column as something else.
 */
export class BatchWriter {
  recordCount = 0;
  readonly #options: BatchWriterOptions;
  readonly #streams: BatchStreams;
  readonly #table: WriterShapeTable;
  #timestamps = new Float64Array(initialRecords);
  #hashes = new Int32Array(initialRecords);
  #shapeIndexes = new Uint8Array(initialRecords);
  /** The shapes of this batch. */
  #shapes: RecordShape[] = [];
  #shapesBytes = 0;
  /** Of the last record; to be tried first. */
  #last: RecordShape = noShape;
  #dataBytes = 0;
  #isTimeConstant = true;
  /** How far `any` goes with the records so far. */
  #anyLength = 0;
  #anyShapeCount = 0;

  constructor(options: BatchWriterOptions) {
    this.#options = options;
    this.#streams = new BatchStreams(options.limitBytes);
    this.#table = new WriterShapeTable(this.#streams);
  }

  /** About what `take` returns; not less but for what timestamps are packed by. */
  get sizeBytes(): number {
    const perRecord = minRecordBytes + (this.#isTimeConstant ? 0 : 8);
    const sizeBytes = batchHeadBytes + this.#shapesBytes + this.#dataBytes;
    return sizeBytes + this.recordCount * (this.#shapes.length > 1 ? perRecord + 1 : perRecord);
  }

  /** Throws `record-not-encodable`, `record-too-large`; takes nothing more after the latter. */
  append(value: unknown, timestampMs: number, hash: number): void {
    const index = this.recordCount;
    if (index === this.#timestamps.length) this.#growRecords();
    let shape = this.#last;
    if (shape.indexInBatch < 0 || !this.#tryAppend(shape, value)) shape = this.#appendAnew(value);
    if (shape.hasAny) this.#keepAny();
    const dataBytes = this.#streams.columnBytes() + this.#anyLength;
    if (dataBytes - this.#dataBytes > this.#options.maxRecordBytes) throw this.#tooLarge();
    this.#dataBytes = dataBytes;
    this.#timestamps[index] = timestampMs;
    if (timestampMs !== this.#timestamps[0]) this.#isTimeConstant = false;
    this.#hashes[index] = hash;
    this.#shapeIndexes[index] = shape.indexInBatch;
    this.recordCount = index + 1;
  }

  /**
   * Returns the batch behind so many bytes that are left to the caller, and starts anew.
   * @param allocate gives the memory; by default it is fresh.
   */
  take(headRoomBytes: number, allocate: AllocateBytes = allocateFresh): Uint8Array<ArrayBuffer> {
    const bytes = this.#assemble(headRoomBytes, allocate);
    this.clear();
    return bytes;
  }

  /** Forgets the records and starts anew. */
  clear(): void {
    this.recordCount = 0;
    this.#streams.clear();
    for (const shape of this.#shapes) shape.indexInBatch = -1;
    this.#shapes.length = 0;
    this.#shapesBytes = 0;
    this.#dataBytes = 0;
    this.#isTimeConstant = true;
    this.#keepAny();
  }

  #tryAppend(shape: RecordShape, value: unknown): boolean {
    try {
      if (shape.append(value)) return true;
    } catch (error) {
      this.#dropAny();
      throw StreamError.from(error).code === "record-not-encodable" ? notEncodable(value) : error;
    }
    if (shape.hasAny) this.#dropAny();
    return false;
  }

  /** Appends what the last record's shape does not hold, or the first of a batch. */
  #appendAnew(value: unknown): RecordShape {
    const { fallback } = this.#table;
    // One number is always left for the fallback.
    const isFull = this.#shapes.length >= maxBatchShapes - 1;
    let found: RecordShape | undefined;
    for (const shape of this.#table.known) {
      if (isFull && shape.indexInBatch < 0) continue;
      if (!this.#tryAppend(shape, value)) continue;
      found = shape;
      break;
    }
    if (found === undefined && !isFull) {
      const learnt = this.#table.learn(value);
      if (learnt !== undefined && this.#tryAppend(learnt, value)) {
        this.#table.adopt(learnt);
        found = learnt;
      }
    }
    if (found === undefined) {
      this.#tryAppend(fallback, value);
      found = fallback;
    }
    if (found.indexInBatch < 0) this.#define(found);
    // The fallback holds everything: what it is given is always looked at anew.
    this.#last = found === fallback ? noShape : found;
    return found;
  }

  #define(shape: RecordShape): void {
    shape.indexInBatch = this.#shapes.length;
    this.#shapes.push(shape);
    this.#shapesBytes += shape.encoded.length;
  }

  #keepAny(): void {
    const { any, values } = this.#streams;
    this.#anyLength = any.length;
    this.#anyShapeCount = values.shapeCount;
  }

  #dropAny(): void {
    const { any, values } = this.#streams;
    any.truncate(this.#anyLength);
    values.undefineShapes(this.#anyShapeCount);
  }

  #assemble(headRoomBytes: number, allocate: AllocateBytes): Uint8Array<ArrayBuffer> {
    const { recordCount } = this;
    const streams = this.#streams;
    const times = packTimestamps(this.#timestamps.subarray(0, recordCount), this.#isTimeConstant);
    const parts: Words[] = [times.wide];
    if (streams.floatsAt > 0) parts.push(streams.floats.subarray(0, streams.floatsAt));
    if (times.narrow !== undefined) parts.push(times.narrow);
    if (this.#options.hasHash) parts.push(this.#hashes.subarray(0, recordCount));
    if (streams.intsAt > 0) parts.push(streams.ints.subarray(0, streams.intsAt));
    for (const shape of this.#shapes) parts.push(shape.encoded);
    if (this.#shapes.length > 1) parts.push(this.#shapeIndexes.subarray(0, recordCount));
    if (streams.bytesAt > 0) parts.push(streams.bytes.subarray(0, streams.bytesAt));
    if (streams.textAt > 0) parts.push(streams.text.subarray(0, streams.textAt));
    if (streams.any.length > 0) parts.push(streams.any.view());
    const sizeBytes = parts.reduce(
      (sum, part) => sum + part.byteLength,
      headRoomBytes + batchHeadBytes,
    );
    const out = allocate(sizeBytes);
    const head = new DataView(out.buffer, out.byteOffset + headRoomBytes, batchHeadBytes);
    const words = [
      recordCount,
      this.#shapesBytes,
      streams.intsAt,
      streams.floatsAt,
      streams.bytesAt,
      streams.textAt,
      streams.any.length,
      timestampModes[times.mode],
      0,
    ];
    head.setUint8(0, batchFormatVersion);
    head.setUint8(1, this.#options.hasHash ? hashFlag : 0);
    head.setUint16(2, this.#shapes.length, true);
    for (const [index, word] of words.entries()) head.setUint32(4 + 4 * index, word, true);
    let at = headRoomBytes + batchHeadBytes;
    for (const part of parts) {
      out.set(part instanceof Uint8Array ? part : bytesOf(part), at);
      at += part.byteLength;
    }
    return out;
  }

  #growRecords(): void {
    const length = this.#timestamps.length * 2;
    const timestamps = new Float64Array(length);
    const hashes = new Int32Array(length);
    const shapeIndexes = new Uint8Array(length);
    timestamps.set(this.#timestamps);
    hashes.set(this.#hashes);
    shapeIndexes.set(this.#shapeIndexes);
    this.#timestamps = timestamps;
    this.#hashes = hashes;
    this.#shapeIndexes = shapeIndexes;
  }

  #tooLarge(): StreamError {
    const message = `a record needs more than ${this.#options.maxRecordBytes} bytes: make it smaller`;
    return new StreamError("record-too-large", message, { domain: "user", retry: "never" });
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Words): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function allocateFresh(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(sizeBytes);
}
