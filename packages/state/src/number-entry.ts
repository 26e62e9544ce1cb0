import { unitOf, wordOf, type Chunk } from "./entry-arena.ts";

/**
 * An entry of a number table: words 0 hash, 1 what it is, 2 and 3 the value (float64), 4 the epoch of
 * its last change, 5 the epoch in which it was made, 6 the last snapshot that has encoded it; then the
 * key: the code units of a string from word 7 on, one byte each if all are below 256, or a float64 in
 * words 8 and 9.
 */
export const entryWords = {
  hash: 0,
  what: 1,
  dirtyEpoch: 4,
  createdEpoch: 5,
  encodedBy: 6,
} as const;

export const numberKeyUnit = 4;
const valueUnit = 1;
const numberEntryUnits = 5;
const textByte = 28;
const textCodeUnit = 14;

/** What an entry is: the length of a string key in the low half, then its kind, then flags. */
export const lengthMask = 0xffff;
export const kindMask = 0x3_0000;
export const keyKinds = { latin1: 0, utf16: 0x1_0000, number: 0x2_0000 } as const;
export const keyMask: number = lengthMask | kindMask;
export const removedFlag = 0x4_0000;
export const freeFlag = 0x8_0000;
/** It stands in the list of tombstones. */
export const listedFlag = 0x10_0000;

/** Returns the size of an entry in units of 8 bytes. */
export function sizeOf(what: number): number {
  const kind = what & kindMask;
  if (kind === keyKinds.number) return numberEntryUnits;
  const length = what & lengthMask;
  const byteCount = textByte + (kind === keyKinds.utf16 ? 2 * length : length);
  return (byteCount + 7) >>> 3;
}

/** Returns where a key of one byte for each code unit begins in its chunk. */
export function textByteOf(address: number): number {
  return unitOf(address) * 8 + textByte;
}

/** Returns where a key of two bytes for each code unit begins in its chunk. */
export function codeUnitOf(address: number): number {
  return unitOf(address) * 4 + textCodeUnit;
}

/** Returns the entry's value; undefined for a tombstone. */
export function valueIn(chunk: Chunk, address: number): number | undefined {
  return isRemovedIn(chunk, address) ? undefined : chunk.doubles[unitOf(address) + valueUnit];
}

export function isRemovedIn(chunk: Chunk, address: number): boolean {
  return ((chunk.words[wordOf(address) + entryWords.what] ?? 0) & removedFlag) !== 0;
}

/** A tombstone stays one by this. */
export function setValueIn(chunk: Chunk, address: number, value: number): void {
  chunk.doubles[unitOf(address) + valueUnit] = value;
}

export function dirtyEpochIn(chunk: Chunk, address: number): number {
  return chunk.words[wordOf(address) + entryWords.dirtyEpoch] ?? 0;
}

/** Returns the kind of a string key: one byte for each code unit, or two. */
export function textKindOf(key: string): number {
  for (let index = 0; index < key.length; index += 1) {
    if (key.charCodeAt(index) > 0xff) return keyKinds.utf16;
  }
  return keyKinds.latin1;
}
