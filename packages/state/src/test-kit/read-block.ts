import { ByteReader, keyHash, readKey, ValueReader } from "@millrace/core";

import { entryKinds, readBlockHead, readSections } from "../block-format.ts";
import type { StateBlock } from "../contract.ts";
import { readNumberRun } from "../read-number-run.ts";

interface BlockEntry {
  readonly state: string | undefined;
  readonly key: unknown;
  readonly hash: number;
  /** undefined: a tombstone. */
  readonly value: unknown;
}

export interface BlockSection {
  readonly group: number;
  readonly sizeBytes: number;
  /** In the order of the block. */
  readonly entries: readonly BlockEntry[];
}

/** Returns how many entries the blocks have in all, tombstones among them. */
export function entryCount(blocks: readonly StateBlock[]): number {
  return blocks.reduce((sum, { cellCount }) => sum + cellCount, 0);
}

/** Returns what a block says of each key group, entry by entry. */
export function sectionsOf(block: StateBlock): readonly BlockSection[] {
  const input = new ByteReader(block.bytes);
  const { states } = readBlockHead(input);
  return [...readSections(input)].map(({ group, bytes }) => {
    const section = new ByteReader(bytes);
    const sectionValues = new ValueReader(section);
    const entries: BlockEntry[] = [];
    while (section.remaining > 0) {
      const start = section.varint();
      const state = states[start >>> 2]?.name;
      if ((start & 3) === entryKinds.run) {
        readNumberRun(section, (key, value) => {
          entries.push({ state, key, hash: keyHash(key) >>> 0, value });
        });
        continue;
      }
      const hash = section.u32();
      const key = readKey(section);
      const isCell = (start & 3) === entryKinds.cell;
      const value = isCell ? sectionValues.read() : undefined;
      if (isCell && value === undefined) throw new Error("a cell says that it has no value");
      entries.push({ state, key, hash, value });
    }
    return { group, sizeBytes: bytes.length, entries };
  });
}
