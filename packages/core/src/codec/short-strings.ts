/** A power of two. */
const slotCount = 1024;

/** Longer strings are not worth comparing; they rarely repeat. */
export const longestShortString = 24;

/**
 * A direct-mapped cache of short strings by their bytes: repeated field values and keys become the
 * same string object, which costs no memory and carries its hash already. Bounded: 1,024 strings of
 * 24 characters; a collision replaces.
 */
export class ShortStrings {
  readonly #slots: (string | undefined)[] = Array.from<string | undefined>({ length: slotCount });

  /** Returns the string whose code units are the bytes [start, end). */
  read(bytes: Uint8Array, start: number, end: number): string {
    let hash = end - start;
    for (let index = start; index < end; index += 1) {
      hash = (Math.imul(hash, 31) + (bytes[index] ?? 0)) | 0;
    }
    const slot = (hash ^ (hash >>> 10)) & (slotCount - 1);
    const known = this.#slots[slot];
    if (known?.length === end - start && equals(known, bytes, start)) return known;
    let text = "";
    for (let index = start; index < end; index += 1) text += String.fromCharCode(bytes[index] ?? 0);
    this.#slots[slot] = text;
    return text;
  }
}

function equals(text: string, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}
