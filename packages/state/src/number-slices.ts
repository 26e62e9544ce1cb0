import { unitOf, wordOf, type Chunk } from "./entry-arena.ts";
import { entryWords, freeFlag, removedFlag, sizeOf } from "./number-entry.ts";
import type { NumberGroup } from "./number-group.ts";
import type { NumberRuns } from "./number-runs.ts";

/** What one walk goes over at once, 2.5 KiB or one entry: 64 words, some microseconds. */
const sliceUnits = 320;

/** What one snapshot takes of a key group's numbers. */
export interface NumberCut {
  /** That of the snapshot. */
  readonly number: number;
  /** The epoch that ended at the barrier. */
  readonly epoch: number;
  /** All that is there is taken; else what changed after `afterEpoch`. */
  readonly isWhole: boolean;
  /** What was made after it and is gone need not be said. */
  readonly afterEpoch: number;
}

/** Encodes entries from an address on; returns that of the next one, or `noEntry` behind the last. */
export function encodeSlice(
  numbers: NumberGroup,
  from: number,
  { cut, runs }: { readonly cut: NumberCut; readonly runs: NumberRuns },
): number {
  const chunk = numbers.chunkOf(from);
  const { words } = chunk;
  const lastUnit = Math.min(chunk.usedUnits - unitOf(from), sliceUnits);
  let units = 0;
  while (units < lastUnit) {
    const address = from + units;
    if (isTaken(chunk, address, cut)) encodeEntry(chunk, address, cut, runs);
    units += sizeOf(words[wordOf(address) + entryWords.what] ?? 0);
  }
  return numbers.behind(from, units);
}

/** Whether the entry belongs into the snapshot and is not there yet. */
export function isTaken({ words }: Chunk, address: number, cut: NumberCut): boolean {
  const word = wordOf(address);
  const what = words[word + entryWords.what] ?? 0;
  const createdEpoch = words[word + entryWords.createdEpoch] ?? 0;
  const encodedBy = words[word + entryWords.encodedBy] ?? 0;
  if ((what & freeFlag) !== 0 || encodedBy >= cut.number || createdEpoch > cut.epoch) return false;
  if (cut.isWhole) return true;
  // What changed behind the barrier only is not protected, as a delta does not need it.
  const dirtyEpoch = words[word + entryWords.dirtyEpoch] ?? 0;
  return dirtyEpoch > cut.afterEpoch && dirtyEpoch <= cut.epoch;
}

/** Encodes an entry that is taken. */
export function encodeEntry(chunk: Chunk, address: number, cut: NumberCut, runs: NumberRuns): void {
  const { words } = chunk;
  const word = wordOf(address);
  words[word + entryWords.encodedBy] = cut.number;
  const isRemoved = ((words[word + entryWords.what] ?? 0) & removedFlag) !== 0;
  const isUnsaid = cut.isWhole || (words[word + entryWords.createdEpoch] ?? 0) > cut.afterEpoch;
  if (!(isRemoved && isUnsaid)) runs.addEntry(chunk, address);
}
