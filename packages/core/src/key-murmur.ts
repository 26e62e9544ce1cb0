import { keyTags, normalNumber, type KeyOut } from "./key-codec.ts";
import { finish, mixWord } from "./murmur3.ts";

// Scratch memory to see a number's bits: written and read within one call, so not state.
const scratch = new DataView(new ArrayBuffer(8));

/** Hashes a key's bytes as they come, by murmur3: a key of several parts needs no buffer. */
export class KeyMurmur implements KeyOut {
  #hash = 0;
  #byteCount = 0;
  /** What came behind the last whole word: none to three bytes, the first one lowest. */
  #tail = 0;
  #tailBytes = 0;

  /** Returns the hash of all that came, as a signed 32-bit integer. */
  hash(): number {
    return finish(this.#hash, this.#tail, this.#byteCount);
  }

  u32(word: number): void {
    this.#half(word & 0xffff);
    this.#half(word >>> 16);
  }

  f64(value: number): void {
    scratch.setFloat64(0, value, true);
    this.u32(scratch.getUint32(0, true));
    this.u32(scratch.getUint32(4, true));
  }

  utf16(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.#half(text.charCodeAt(index));
  }

  bytes(source: Uint8Array): void {
    for (const byte of source) this.#byte(byte);
  }

  /** Two bytes, of which one or both may complete a word. */
  #half(value: number): void {
    const bits = 8 * this.#tailBytes;
    this.#byteCount += 2;
    this.#tail |= value << bits;
    if (this.#tailBytes < 2) {
      this.#tailBytes += 2;
      return;
    }
    this.#hash = mixWord(this.#hash, this.#tail);
    this.#tail = value >>> (32 - bits);
    this.#tailBytes -= 2;
  }

  #byte(value: number): void {
    this.#byteCount += 1;
    this.#tail |= value << (8 * this.#tailBytes);
    this.#tailBytes += 1;
    if (this.#tailBytes < 4) return;
    this.#hash = mixWord(this.#hash, this.#tail);
    this.#tail = 0;
    this.#tailBytes = 0;
  }
}

/** Returns the hash of a key that is one string, not longer than a key may be: two code units at a time. */
export function hashString(key: string): number {
  const { length } = key;
  let hash = mixWord(0, keyTags.string | (length << 8));
  const even = length - (length % 2);
  for (let index = 0; index < even; index += 2) {
    hash = mixWord(hash, key.charCodeAt(index) | (key.charCodeAt(index + 1) << 16));
  }
  return finish(hash, even < length ? key.charCodeAt(even) : 0, 4 + 2 * length);
}

/** Returns the hash of a key that is one number. */
export function hashNumber(key: number): number {
  scratch.setFloat64(0, normalNumber(key), true);
  let hash = mixWord(0, keyTags.number);
  hash = mixWord(hash, scratch.getInt32(0, true));
  hash = mixWord(hash, scratch.getInt32(4, true));
  return finish(hash, 0, 12);
}
