import { assert } from "@millrace/core";

/** Wider values would not fit the reader's 32-bit buffer. */
export const maxHybridWidth = 24;

/**
 * A resumable cursor over values in Parquet's run-length / bit-packed hybrid encoding (the format
 * specification, "RLE"). A page of 272,727 values decodes in pieces of any size.
 */
export class HybridReader {
  readonly #bytes: Uint8Array;
  readonly #width: number;
  #offset: number;
  #runLeft = 0;
  #runValue = 0;
  #packedLeft = 0;
  #bits = 0;
  #bitCount = 0;

  constructor(bytes: Uint8Array, offset: number, width: number) {
    assert(width <= maxHybridWidth, `values of ${width} bits`);
    this.#bytes = bytes;
    this.#offset = offset;
    this.#width = width;
  }

  /** Fills target[0, count). */
  read(target: Int32Array, count: number): void {
    let index = 0;
    while (index < count) {
      if (this.#runLeft > 0) {
        const end = Math.min(count, index + this.#runLeft);
        target.fill(this.#runValue, index, end);
        this.#runLeft -= end - index;
        index = end;
      } else if (this.#packedLeft > 0) {
        const end = Math.min(count, index + this.#packedLeft);
        this.#readPacked(target, index, end);
        this.#packedLeft -= end - index;
        index = end;
      } else {
        this.#readHeader();
      }
    }
  }

  #readHeader(): void {
    if (this.#width === 0) {
      this.#runLeft = Number.MAX_SAFE_INTEGER;
      return;
    }
    assert(this.#offset < this.#bytes.length, "a page ends before its last value");
    const header = this.#readVarint();
    if ((header & 1) === 1) {
      this.#packedLeft = (header >>> 1) * 8;
      this.#bits = 0;
      this.#bitCount = 0;
      return;
    }
    this.#runLeft = header >>> 1;
    this.#runValue = 0;
    for (let shift = 0; shift < this.#width; shift += 8) {
      this.#runValue |= (this.#bytes[this.#offset] ?? 0) << shift;
      this.#offset += 1;
    }
  }

  #readPacked(target: Int32Array, from: number, end: number): void {
    const bytes = this.#bytes;
    const width = this.#width;
    const mask = (1 << width) - 1;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    let offset = this.#offset;
    for (let index = from; index < end; index += 1) {
      while (bitCount < width) {
        bits |= (bytes[offset] ?? 0) << bitCount;
        offset += 1;
        bitCount += 8;
      }
      target[index] = bits & mask;
      bits >>>= width;
      bitCount -= width;
    }
    this.#bits = bits;
    this.#bitCount = bitCount;
    this.#offset = offset;
  }

  #readVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#offset] ?? 0;
      this.#offset += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    assert(false, "a run's header is longer than five bytes");
  }
}
