import { StreamError } from "../error.ts";

/** A single buffer never grows beyond this unless its owner says otherwise. */
const defaultLimitBytes = 256 * 1024 * 1024;
const defaultInitialBytes = 4096;

export interface ByteWriterOptions {
  readonly initialBytes?: number;
  /** Writing beyond it throws `record-too-large`. Default 256 MiB. */
  readonly limitBytes?: number;
}

/**
 * Appends to one buffer that grows by doubling and is used again after `clear`. Integers are
 * little-endian. Not for text of a known encoding alone: see `text` and `latin1`.
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;
  readonly #limitBytes: number;

  constructor(options: ByteWriterOptions = {}) {
    this.#bytes = new Uint8Array(options.initialBytes ?? defaultInitialBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#limitBytes = options.limitBytes ?? defaultLimitBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns what was written, without a copy: valid until the next call of anything. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Returns what was written from an offset, copied into a buffer of its own. */
  copy(from = 0): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(from, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Drops all that was written after the given length. */
  truncate(length: number): void {
    if (length < this.#length) this.#length = length;
  }

  u8(value: number): void {
    const at = this.#length;
    if (at >= this.#bytes.length) this.#grow(1);
    this.#bytes[at] = value;
    this.#length = at + 1;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
  }

  /** Signed values are stored as their two's complement. */
  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
  }

  f64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value, true);
  }

  /** An unsigned integer below 2^32 in one to five bytes. */
  varint(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** A signed 32-bit integer, small when it is near zero. */
  zigzag(value: number): void {
    this.varint((value << 1) ^ (value >> 31));
  }

  bytes(source: Uint8Array): void {
    const at = this.#reserve(source.length);
    this.#bytes.set(source, at);
  }

  /** Appends the code units as one byte each; appends nothing and returns false if one is above 255. */
  latin1(text: string): boolean {
    const start = this.#reserve(text.length);
    const bytes = this.#bytes;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 0xff) {
        this.#length = start;
        return false;
      }
      bytes[start + index] = unit;
    }
    return true;
  }

  /** Appends the code units as two bytes each, unpaired surrogates included. */
  utf16(text: string): void {
    const start = this.#reserve(text.length * 2);
    const view = this.#view;
    for (let index = 0; index < text.length; index += 1) {
      view.setUint16(start + index * 2, text.charCodeAt(index), true);
    }
  }

  /** Appends a string of any content with its length, as `ByteReader.text` reads it. */
  text(text: string): void {
    const start = this.#length;
    this.varint(text.length);
    this.u8(0);
    if (this.latin1(text)) return;
    this.truncate(start);
    this.varint(text.length);
    this.u8(1);
    this.utf16(text);
  }

  /** Overwrites four bytes that are already there. */
  patchU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  #reserve(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) this.#grow(count);
    this.#length = at + count;
    return at;
  }

  #grow(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#limitBytes) {
      const message = `encoding needs more than ${this.#limitBytes} bytes: make the value smaller`;
      throw new StreamError("record-too-large", message, { domain: "user", retry: "never" });
    }
    const grown = new Uint8Array(Math.min(this.#limitBytes, Math.max(needed, needed * 2)));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
