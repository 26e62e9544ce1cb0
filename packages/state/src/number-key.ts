import { noEntry, unitOf, wordOf, type Chunk } from "./entry-arena.ts";
import {
  codeUnitOf,
  entryWords,
  freeFlag,
  keyKinds,
  keyMask,
  kindMask,
  lengthMask,
  numberKeyUnit,
  removedFlag,
  sizeOf,
  textByteOf,
} from "./number-entry.ts";

/** A string is put together from so many code units at once. */
const unitsAtOnce = 8;

/**
 * Returns the address behind the entry's, in the same chunk, or `noEntry` if that ends there: then the
 * group knows what comes next.
 */
export function nextIn(chunk: Chunk, address: number): number {
  const size = sizeOf(chunk.words[wordOf(address) + entryWords.what] ?? 0);
  return unitOf(address) + size < chunk.usedUnits ? address + size : noEntry;
}

/** Whether the entry is a key's, with a value. */
export function isLiveIn({ words }: Chunk, address: number): boolean {
  return ((words[wordOf(address) + entryWords.what] ?? 0) & (freeFlag | removedFlag)) === 0;
}

/** Returns the hash of the entry's key. */
export function hashIn({ words }: Chunk, address: number): number {
  return words[wordOf(address) + entryWords.hash] ?? 0;
}

/** Returns the entry's key, made anew. */
export function keyIn(chunk: Chunk, address: number): string | number {
  const what = chunk.words[wordOf(address) + entryWords.what] ?? 0;
  const kind = what & kindMask;
  if (kind === keyKinds.number) return chunk.doubles[unitOf(address) + numberKeyUnit] ?? 0;
  const length = what & lengthMask;
  return kind === keyKinds.utf16
    ? textIn(chunk.codeUnits, codeUnitOf(address), length)
    : textIn(chunk.bytes, textByteOf(address), length);
}

/** Whether two entries, of tables of any states, have the same key. */
export function hasSameKey(
  left: Chunk,
  leftAddress: number,
  chunk: Chunk,
  address: number,
): boolean {
  const what = (left.words[wordOf(leftAddress) + entryWords.what] ?? 0) & keyMask;
  if (what !== ((chunk.words[wordOf(address) + entryWords.what] ?? 0) & keyMask)) return false;
  const kind = what & kindMask;
  if (kind === keyKinds.number) {
    const key = left.doubles[unitOf(leftAddress) + numberKeyUnit] ?? 0;
    const other = chunk.doubles[unitOf(address) + numberKeyUnit] ?? 0;
    // As keys, all that are not a number are one.
    return key === other || (Number.isNaN(key) && Number.isNaN(other));
  }
  // A key of two bytes for each code unit is twice as long.
  const byteCount = kind === keyKinds.utf16 ? 2 * (what & lengthMask) : what & lengthMask;
  const start = textByteOf(leftAddress);
  const otherStart = textByteOf(address);
  // Keys begin at whole words.
  const wholeCount = byteCount & ~3;
  for (let index = 0; index < wholeCount; index += 4) {
    if (left.words[(start + index) >>> 2] !== chunk.words[(otherStart + index) >>> 2]) return false;
  }
  for (let index = wholeCount; index < byteCount; index += 1) {
    if (left.bytes[start + index] !== chunk.bytes[otherStart + index]) return false;
  }
  return true;
}

function textIn(units: Uint8Array | Uint16Array, start: number, length: number): string {
  const end = start + length;
  let text = "";
  let at = start;
  for (; at + unitsAtOnce <= end; at += unitsAtOnce) {
    text += String.fromCharCode(
      units[at] ?? 0,
      units[at + 1] ?? 0,
      units[at + 2] ?? 0,
      units[at + 3] ?? 0,
      units[at + 4] ?? 0,
      units[at + 5] ?? 0,
      units[at + 6] ?? 0,
      units[at + 7] ?? 0,
    );
  }
  for (; at < end; at += 1) text += String.fromCharCode(units[at] ?? 0);
  return text;
}
