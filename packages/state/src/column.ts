const firstBytes = 256;

/** Appends values of one kind; grows by doubling, and is used again after `clear`. Little-endian. */
export class Column {
  #bytes = new Uint8Array(firstBytes);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get capacityBytes(): number {
    return this.#bytes.length;
  }

  /** Returns what was written, without a copy: valid until the next call of anything. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** An unsigned integer below 2^32 in one to five bytes. */
  varint(value: number): void {
    let at = this.#length;
    if (at + maxVarintBytes > this.#bytes.length) this.#grow(maxVarintBytes);
    const bytes = this.#bytes;
    let rest = value >>> 0;
    for (; rest >= 0x80; rest >>>= 7) {
      bytes[at] = (rest & 0x7f) | 0x80;
      at += 1;
    }
    bytes[at] = rest;
    this.#length = at + 1;
  }

  /** One NaN, whatever its bits are. */
  f64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, Number.isNaN(value) ? Number.NaN : value, true);
  }

  latin1(text: string): void {
    const at = this.#reserve(text.length);
    for (let index = 0; index < text.length; index += 1) {
      this.#bytes[at + index] = text.charCodeAt(index);
    }
  }

  utf16(text: string): void {
    const at = this.#reserve(2 * text.length);
    for (let index = 0; index < text.length; index += 1) {
      this.#view.setUint16(at + 2 * index, text.charCodeAt(index), true);
    }
  }

  /** Bytes from an offset on. */
  bytes(source: Uint8Array, from: number, count: number): void {
    const at = this.#reserve(count);
    const bytes = this.#bytes;
    for (let index = 0; index < count; index += 1) bytes[at + index] = source[from + index] ?? 0;
  }

  /** Code units from an offset on, two bytes each. */
  codeUnits(source: Uint16Array, from: number, count: number): void {
    const at = this.#reserve(2 * count);
    for (let index = 0; index < count; index += 1) {
      this.#view.setUint16(at + 2 * index, source[from + index] ?? 0, true);
    }
  }

  #reserve(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) this.#grow(count);
    this.#length = at + count;
    return at;
  }

  #grow(count: number): void {
    const grown = new Uint8Array(2 * Math.max(this.#bytes.length, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

const maxVarintBytes = 5;

/** Returns how many bytes an unsigned integer below 2^32 takes as a varint. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) count += 1;
  return count;
}
