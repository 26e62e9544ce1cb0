import { StreamError } from "../../error.ts";
import { ByteWriter } from "../byte-writer.ts";
import { ValueWriter } from "../value-writer.ts";

/** From here on a call into the runtime costs less than a step per character. */
const longTextLength = 32;
/** Beyond it the room that a try in UTF-8 needs is not worth having. */
const hugeTextLength = 8_192;
const initialWords = 512;
/** Of a stream, from one batch to the next. */
const maxKeptBytes = 2 * 1024 * 1024;

/**
 * The streams of a batch that is being written: what the generated writers append to. A writer keeps
 * the places to write at in local variables and stores them once a record is whole, so that a record
 * which it gives up leaves nothing behind; `any` is cut by its own lengths.
 */
export class BatchStreams {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(initialWords * 8);
  ints: Int32Array<ArrayBuffer> = new Int32Array(initialWords);
  floats: Float64Array<ArrayBuffer> = new Float64Array(initialWords);
  /** The same memory as `floats`. */
  longs: BigInt64Array<ArrayBuffer> = new BigInt64Array(this.floats.buffer);
  text: Uint8Array<ArrayBuffer> = new Uint8Array(initialWords * 8);
  bytesAt = 0;
  intsAt = 0;
  floatsAt = 0;
  textAt = 0;
  readonly any: ByteWriter;
  readonly values: ValueWriter;
  readonly #limitBytes: number;
  #textBuffer: Buffer<ArrayBuffer> = Buffer.from(this.text.buffer);

  /** No stream grows beyond the limit: that throws `record-too-large`. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.any = new ByteWriter({ limitBytes });
    this.values = new ValueWriter(this.any);
  }

  /** What the records so far take, without `any`, timestamps and hashes. */
  columnBytes(): number {
    return this.bytesAt + this.textAt + this.intsAt * 4 + this.floatsAt * 8;
  }

  /** Begins the next batch; memory that one large record needed goes. */
  clear(): void {
    if (this.text.length > maxKeptBytes) this.#setText(new Uint8Array(initialWords * 8));
    if (this.bytes.length > maxKeptBytes) this.bytes = new Uint8Array(initialWords * 8);
    if (this.ints.byteLength > maxKeptBytes) this.ints = new Int32Array(initialWords);
    if (this.floats.byteLength > maxKeptBytes) this.#setFloats(new Float64Array(initialWords));
    this.bytesAt = 0;
    this.intsAt = 0;
    this.floatsAt = 0;
    this.textAt = 0;
    this.any.clear();
    this.values.resetDictionary();
  }

  /** Returns `bytes` with room for more behind the place. */
  growBytes(at: number, count: number): Uint8Array<ArrayBuffer> {
    const grown = new Uint8Array(this.#grownLength(at + count, 1));
    grown.set(this.bytes.subarray(0, at));
    this.bytes = grown;
    return grown;
  }

  growInts(at: number, count: number): Int32Array<ArrayBuffer> {
    const grown = new Int32Array(this.#grownLength(at + count, 4));
    grown.set(this.ints.subarray(0, at));
    this.ints = grown;
    return grown;
  }

  growFloats(at: number, count: number): Float64Array<ArrayBuffer> {
    const grown = new Float64Array(this.#grownLength(at + count, 8));
    grown.set(this.floats.subarray(0, at));
    this.#setFloats(grown);
    return grown;
  }

  /** Appends to `bytes`, where there is room; returns the place behind. */
  putVarint(at: number, value: number): number {
    const { bytes } = this;
    let end = at;
    let rest = value >>> 0;
    while (rest >= 0x80) {
      bytes[end] = (rest & 0x7f) | 0x80;
      end += 1;
      rest >>>= 7;
    }
    bytes[end] = rest;
    return end + 1;
  }

  /** Appends the code units to `text`: the place behind, negative if they took two bytes each. */
  putText(text: string, at: number): number {
    const { length } = text;
    if (length >= longTextLength) return this.#putLongText(text, at);
    if (at + length * 2 > this.text.length) this.#growText(at, length * 2);
    const bytes = this.text;
    let all = 0;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      all |= unit;
      bytes[at + index] = unit;
    }
    return all > 0xff ? this.#putWide(text, at) : at + length;
  }

  /** Appends to `text`; returns the place behind. */
  putBytes(value: Uint8Array, at: number): number {
    if (at + value.length > this.text.length) this.#growText(at, value.length);
    this.text.set(value, at);
    return at + value.length;
  }

  #putLongText(text: string, at: number): number {
    const { length } = text;
    if (length <= hugeTextLength) {
      if (at + length * 3 > this.text.length) this.#growText(at, length * 3);
      // As many bytes as code units: then all of them are ASCII.
      if (this.#textBuffer.write(text, at, length * 3, "utf8") === length) return at + length;
    } else if (at + length > this.text.length) this.#growText(at, length);
    const bytes = this.text;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 0xff) return this.#putWide(text, at);
      bytes[at + index] = unit;
    }
    return at + length;
  }

  #putWide(text: string, at: number): number {
    const sizeBytes = text.length * 2;
    if (at + sizeBytes > this.text.length) this.#growText(at, sizeBytes);
    this.#textBuffer.write(text, at, sizeBytes, "utf16le");
    return -(at + sizeBytes);
  }

  #growText(at: number, count: number): void {
    const grown = new Uint8Array(this.#grownLength(at + count, 1));
    grown.set(this.text.subarray(0, at));
    this.#setText(grown);
  }

  #setText(text: Uint8Array<ArrayBuffer>): void {
    this.text = text;
    this.#textBuffer = Buffer.from(text.buffer);
  }

  #setFloats(floats: Float64Array<ArrayBuffer>): void {
    this.floats = floats;
    this.longs = new BigInt64Array(floats.buffer);
  }

  #grownLength(needed: number, widthBytes: number): number {
    const limit = Math.floor(this.#limitBytes / widthBytes);
    if (needed > limit) {
      const message = `encoding needs more than ${this.#limitBytes} bytes: make the record smaller`;
      throw new StreamError("record-too-large", message, { domain: "user", retry: "never" });
    }
    return Math.min(limit, needed * 2);
  }
}
