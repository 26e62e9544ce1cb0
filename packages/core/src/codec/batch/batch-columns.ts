import { ByteReader, decodeFailed } from "../byte-reader.ts";
import { toSliceBuffer } from "../latin1.ts";
import { ValueReader } from "../value-reader.ts";
import { timestampModes } from "./batch-format.ts";
import type { BatchHead } from "./batch-head.ts";

/** The engine copies substrings shorter than this; longer ones would keep what they are cut from. */
const sharedTextLength = 13;
/** From here on a call into the runtime costs less than a step per character. */
const longTextLength = 33;
const blockBytes = 8_192;
const noBytes = toSliceBuffer(new Uint8Array(0));
const noInts = new Int32Array(0);
const noFloats = new Float64Array(0);

/** Returns the string of so many bytes at the place. */
type CopyText = (bytes: Uint8Array, at: number, length: number) => string;

/**
 * The streams of the batch that is being read, and how far it is read: what the generated readers
 * work on. They check after each record that they are within the streams, so what is read beyond them
 * is refused before it is handed out; what sizes a string or an array is checked before.
 *
 * I1 No string or value shares memory with the batch: what becomes state must not keep it.
 */
export class BatchColumns {
  recordCount = 0;
  /** Records handed out. */
  index = 0;
  bytes: Uint8Array = noBytes;
  bytesAt = 0;
  bytesEnd = 0;
  ints: Int32Array = noInts;
  intsAt = 0;
  floats: Float64Array = noFloats;
  floatsAt = 0;
  textAt = 0;
  textEnd = 0;
  hashes: Int32Array = noInts;
  /** Of all records, unless they have one in common. */
  timestamps: Float64Array = noFloats;
  constantTimestamp = 0;
  readonly #any = new ByteReader();
  readonly #values = new ValueReader(this.#any);
  readonly #copyText: CopyText = compileCopyText();
  #longs: BigInt64Array | undefined;
  #buffer = noBytes;
  /** Bytes of `text` as a string, to cut short strings from. */
  #block = "";
  #blockAt = 0;
  #blockEnd = 0;
  #scratch = new Float64Array(0);
  #times = new Float64Array(0);

  /** Stands before the first record of a batch. */
  begin(payload: Uint8Array, head: BatchHead): void {
    this.recordCount = head.recordCount;
    this.index = 0;
    this.#buffer = toSliceBuffer(payload);
    // Always of one class: the generated readers stay monomorphic.
    this.bytes = this.#buffer;
    this.bytesAt = head.bytesOffset;
    this.bytesEnd = head.textOffset;
    this.textAt = head.textOffset;
    this.textEnd = head.anyOffset;
    this.#blockEnd = 0;
    this.#beginWords(payload, head);
    this.#longs = undefined;
    this.#any.reset(payload.subarray(head.anyOffset));
    this.#values.resetDictionary();
  }

  /** Forgets the batch, so that nothing keeps its memory. */
  clear(): void {
    this.bytes = noBytes;
    this.#buffer = noBytes;
    this.#block = "";
    this.#any.reset(noBytes);
    this.ints = noInts;
    this.hashes = noInts;
    this.floats = noFloats;
    this.timestamps = noFloats;
    this.#longs = undefined;
  }

  /** Whether all streams are used up: so they are behind the last record. */
  isUsedUp(): boolean {
    return (
      this.bytesAt === this.bytesEnd &&
      this.intsAt === this.ints.length &&
      this.floatsAt === this.floats.length &&
      this.textAt === this.textEnd &&
      this.#any.remaining === 0
    );
  }

  /** Throws `decode-failed`. */
  fail(): never {
    throw decodeFailed("a batch's streams do not hold its records");
  }

  /** Returns the code units of a string of fewer than 2^31 of them, by its length code. */
  readText(code: number, at: number): string {
    const length = code >>> 1;
    if ((code & 1) !== 0) return this.#wideText(at, length);
    const end = at + length;
    if (length < sharedTextLength) {
      if (end > this.#blockEnd) this.#nextBlock(at, end);
      return this.#block.substring(at - this.#blockAt, end - this.#blockAt);
    }
    if (end > this.textEnd) this.fail();
    if (length < longTextLength) return this.#copyText(this.bytes, at, length);
    return this.#buffer.latin1Slice(at, end);
  }

  readBytes(at: number, length: number): Uint8Array {
    if (at + length > this.textEnd) this.fail();
    return new Uint8Array(this.bytes.subarray(at, at + length));
  }

  readBigint(index: number): bigint {
    const { buffer, byteOffset, length } = this.floats;
    this.#longs ??= new BigInt64Array(buffer, byteOffset, length);
    return this.#longs[index] ?? this.fail();
  }

  readAny(): unknown {
    return this.#values.read();
  }

  /** Bytes of `any` that were not read. */
  anyRemaining(): number {
    return this.#any.remaining;
  }

  /** Returns the rest of a varint whose first byte, at the place before, says that there is more. */
  readVarint(at: number): number {
    let value = (this.bytes[at - 1] ?? 0) & 0x7f;
    for (let shift = 7; shift <= 28; shift += 7) {
      const part = this.bytes[at + shift / 7 - 1] ?? 0;
      value |= (part & 0x7f) << shift;
      if (part < 0x80) return value >>> 0;
    }
    return this.fail();
  }

  #beginWords(payload: Uint8Array, head: BatchHead): void {
    const { recordCount, timestampMode, wideOffset } = head;
    const isConstant = timestampMode === timestampModes.constant;
    const wideTimestamps = timestampMode === timestampModes.plain ? recordCount : 1;
    const narrowTimestamps = timestampMode === timestampModes.deltas ? recordCount : 0;
    const wideCount = wideTimestamps + head.floatCount;
    const narrowCount = narrowTimestamps + (head.hasHash ? recordCount : 0) + head.intCount;
    const words = this.#alignedWords(payload, wideOffset, wideCount * 8 + narrowCount * 4);
    const { buffer, byteOffset } = words;
    const wide = new Float64Array(buffer, byteOffset, wideCount);
    const narrow = new Int32Array(buffer, byteOffset + wideCount * 8, narrowCount);
    this.constantTimestamp = wide[0] ?? 0;
    this.floats = wide.subarray(wideTimestamps);
    this.floatsAt = 0;
    if (timestampMode === timestampModes.plain) this.timestamps = wide;
    else if (!isConstant) this.#addDeltas(this.constantTimestamp, narrow.subarray(0, recordCount));
    this.hashes = narrow.subarray(narrowTimestamps);
    this.ints = narrow.subarray(narrowCount - head.intCount);
    this.intsAt = 0;
  }

  /** Returns the bytes where words of 8 bytes can be read: where they are, or copied. */
  #alignedWords(payload: Uint8Array, offset: number, length: number): Uint8Array {
    const source = payload.subarray(offset, offset + length);
    if (source.byteOffset % 8 === 0) return source;
    if (this.#scratch.byteLength < length) this.#scratch = new Float64Array(Math.ceil(length / 4));
    const copy = new Uint8Array(this.#scratch.buffer, 0, length);
    copy.set(source);
    return copy;
  }

  #addDeltas(firstMs: number, deltas: Int32Array): void {
    if (this.#times.length < deltas.length) this.#times = new Float64Array(deltas.length * 2);
    const times = this.#times;
    let timestampMs = firstMs;
    for (let index = 0; index < deltas.length; index += 1) {
      timestampMs += deltas[index] ?? 0;
      times[index] = timestampMs;
    }
    this.timestamps = times;
  }

  #wideText(at: number, length: number): string {
    const end = at + length * 2;
    if (end > this.textEnd) this.fail();
    return this.#buffer.toString("utf16le", at, end);
  }

  #nextBlock(at: number, end: number): void {
    if (end > this.textEnd) this.fail();
    this.#blockAt = at;
    this.#blockEnd = Math.min(at + blockBytes, this.textEnd);
    this.#block = this.#buffer.latin1Slice(at, this.#blockEnd);
  }
}

/**
 * One call with all characters makes a flat string that shares nothing, several times faster than
 * adding them up. Only numbers of ours enter the source.
 */
function compileCopyText(): CopyText {
  const cases: string[] = [];
  for (let length = sharedTextLength; length < longTextLength; length += 1) {
    const units = Array.from({ length }, (_, index) => `bytes[at + ${index}]`);
    cases.push(`case ${length}: return String.fromCharCode(${units.join(", ")});`);
  }
  const body = `"use strict"; switch (length) { ${cases.join("\n")} } return "";`;
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- our own template, only numbers enter
  return new Function("bytes", "at", "length", body) as CopyText;
}
