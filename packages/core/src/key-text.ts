import type { KeyOut } from "./key-codec.ts";

/** Arguments of one call: more would not fit on every stack. */
const chunkUnits = 8_192;

/**
 * Puts a key's parts together as one text: two are equal just when the keys' bytes are.
 *
 * I1 Each part can be told from what is behind it: strings and bigints by the count in their header,
 *    numbers by a sign that no number has.
 * I2 The text lies in one piece, for maps hold it: pieces that were added up would be kept one by one, and
 *    take ten times the memory until somebody compares them.
 */
export class KeyText implements KeyOut {
  /** "\0k": no identity of a string key begins so, for a zero there is followed by an s. */
  readonly #units: number[] = [0, 0x6b];

  /** Returns the text of all that came. */
  text(): string {
    const units = this.#units;
    if (units.length <= chunkUnits) return String.fromCharCode(...units);
    const chunks: string[] = [];
    for (let from = 0; from < units.length; from += chunkUnits) {
      chunks.push(String.fromCharCode(...units.slice(from, from + chunkUnits)));
    }
    return chunks.join("");
  }

  /** A header: its tag, and its count, which is below 2^16. */
  u32(word: number): void {
    this.#units.push(word & 0xff, word >>> 8);
  }

  f64(value: number): void {
    this.utf16(`${value};`);
  }

  utf16(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.#units.push(text.charCodeAt(index));
  }

  bytes(source: Uint8Array): void {
    for (const byte of source) this.#units.push(byte);
  }
}
