import { StreamError } from "../error.ts";
import type { ShortStrings } from "./short-strings.ts";

/** Shorter strings are put together here; longer ones are worth a call into the runtime. */
const shortTextLength = 6;
const emptyBytes = new Uint8Array(0);

/**
 * Reads what a ByteWriter wrote. Every length is checked against what is left before anything is
 * made of it; all that is wrong throws `decode-failed`.
 */
export class ByteReader {
  #bytes: Uint8Array = emptyBytes;
  #view: DataView = new DataView(emptyBytes.buffer);
  #buffer: Buffer | undefined;
  #offset = 0;

  constructor(bytes: Uint8Array = emptyBytes) {
    this.reset(bytes);
  }

  /** Starts at the beginning of other bytes. */
  reset(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = undefined;
    this.#offset = 0;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Moves to an offset from the start; not beyond the end. */
  seek(offset: number): void {
    if (!(offset >= 0 && offset <= this.#bytes.length)) throw decodeFailed("an offset is outside");
    this.#offset = offset;
  }

  u8(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw cutOff();
    this.#offset += 1;
    return value;
  }

  /** Returns the next byte and stays before it; undefined at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#offset];
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  varint(): number {
    let value = this.u8();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let shift = 7; shift <= 28; shift += 7) {
      const part = this.u8();
      if (shift === 28 && part > 0x0f) break;
      value |= (part & 0x7f) << shift;
      if (part < 0x80) return value >>> 0;
    }
    throw decodeFailed("an integer has more than 32 bits");
  }

  zigzag(): number {
    const value = this.varint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** Returns how many things follow, of which each takes at least one byte. */
  count(): number {
    const count = this.varint();
    if (count > this.remaining) throw decodeFailed("a count is larger than what is left");
    return count;
  }

  /** Returns the next bytes without a copy: they share memory with the source. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** Reads one byte for each code unit. */
  latin1(count: number): string {
    const start = this.#take(count);
    if (count > shortTextLength) return this.#asBuffer().toString("latin1", start, start + count);
    let text = "";
    for (let index = start; index < start + count; index += 1) {
      text += String.fromCharCode(this.#bytes[index] ?? 0);
    }
    return text;
  }

  /** As `latin1`; a string that the cache knows is taken from there. */
  cachedLatin1(count: number, cache: ShortStrings): string {
    const start = this.#take(count);
    return cache.read(this.#bytes, start, start + count);
  }

  /** Reads two bytes for each code unit. */
  utf16(count: number): string {
    const start = this.#take(count * 2);
    return this.#asBuffer().toString("utf16le", start, start + count * 2);
  }

  /** Reads what `ByteWriter.text` wrote. */
  text(): string {
    const count = this.count();
    const width = this.u8();
    if (width === 0) return this.latin1(count);
    if (width === 1) return this.utf16(count);
    throw decodeFailed(`a string has the unknown width ${width}`);
  }

  #take(count: number): number {
    const start = this.#offset;
    if (count > this.#bytes.length - start) throw cutOff();
    this.#offset = start + count;
    return start;
  }

  #asBuffer(): Buffer {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#buffer ??= Buffer.from(buffer, byteOffset, byteLength);
    return this.#buffer;
  }
}

/** Returns the error of bytes that are not what they should be. */
export function decodeFailed(what: string): StreamError {
  const message = `cannot decode: ${what}; the bytes are corrupt or of another version`;
  return new StreamError("decode-failed", message, { domain: "internal", retry: "never" });
}

function cutOff(): StreamError {
  return decodeFailed("the bytes end too early");
}
