import {
  decodeFailed,
  keyCodecVersion,
  keyHashVersion,
  type ByteReader,
  type ByteWriter,
  type CheckpointId,
} from "@millrace/core";

import { hasNamespace, type StateKind } from "./cell.ts";
import { varintBytes } from "./column.ts";
import type { TimeDomain } from "./contract.ts";

/**
 * The bytes of a keyed block, version 3 (golden: `heap-restore.test.ts`), little-endian:
 *
 * - head: version u8, key codec version u8, key hash version u8, checkpoint id u64, count of states,
 *   each its kind u8 and name (text); the kind is that of `kindNumbers`, more 16 if the state has a time
 *   to live: its values are then stamped;
 * - sections, to the end: key group (varint), length in bytes (u32), entries.
 *
 * An entry is a varint, `state index * 4 + kind`, then the namespace (f64, unless the state is
 * plain), then for a cell or a tombstone the key's hash (u32) and the key, then for a cell the value:
 * of a stamped one its stamp (f64, NaN for none) and what it is. An entry of a map has as key the tuple
 * of the record's key, whose hash it is, and the key in the map.
 * A section has its own dictionary of shapes, so that sections of foreign key groups are skipped.
 *
 * A run, of all states but timers, holds many entries of one namespace whose keys are strings or numbers
 * and whose values are numbers or removed, in columns. Behind the namespace: layout u8, count (varint),
 * then
 *
 * - keys, by the layout's low two bits: 0 the lengths of all (varint, code units), then their code
 *   units, one byte each; 1 the same, two bytes each; 2 float64, no -0, one NaN;
 * - values, by its other bits: 0 zigzag varints, never for -0; 1 float64; 2 none: tombstones.
 *
 * There are no hashes in it: they are made again of the keys, whose codec and hash are frozen. Each
 * number and tombstone of such a key is in a run.
 *
 * Version 1 is the same without runs. Version 2 knows no maps, no stamps, and of timers those of event
 * time only; blocks without such are still written as version 2, so that older programs read them.
 */
const blockFormatVersion = 3;
const oldestReadVersion = 1;

export const entryKinds = { cell: 0, tombstone: 1, drop: 2, run: 3 } as const;
export const entryKindCount = 4;

/** Returns what an entry begins with. */
export function startOfEntry(stateIndex: number, kind: number): number {
  return stateIndex * entryKindCount + kind;
}

export interface StateName {
  readonly name: string;
  readonly kind: StateKind;
  /** Whether its values are stamped. */
  readonly isStamped: boolean;
}

/** What the timers of each domain are called in blocks: names that no other state may have. */
export const timerStateNames: Readonly<Record<TimeDomain, string>> = {
  "event-time": "timers",
  "processing-time": "processing-time-timers",
};

const kindNumbers = { value: 0, pane: 1, timer: 2, map: 3 } as const satisfies Record<
  StateKind,
  number
>;
const kindsByNumber: readonly StateKind[] = ["value", "pane", "timer", "map"];
/** Of the kind of a state whose values are stamped. */
const stampedFlag = 16;

export interface BlockHead {
  readonly checkpointId: bigint;
  readonly states: readonly StateName[];
}

export function writeBlockHead(
  out: ByteWriter,
  checkpointId: CheckpointId,
  states: readonly StateName[],
): void {
  out.u8(states.some((state) => isNew(state)) ? blockFormatVersion : blockFormatVersion - 1);
  out.u8(keyCodecVersion);
  out.u8(keyHashVersion);
  out.u64(checkpointId);
  out.varint(states.length);
  for (const { name, kind, isStamped } of states) {
    out.u8(kindNumbers[kind] + (isStamped ? stampedFlag : 0));
    out.text(name);
  }
}

/** Whether version 2 does not know the state. */
function isNew({ name, kind, isStamped }: StateName): boolean {
  if (kind === "map" || isStamped) return true;
  return kind === "timer" && name !== timerStateNames["event-time"];
}

/** Returns the head of a block; throws `decode-failed` for a version that is not read. */
export function readBlockHead(input: ByteReader): BlockHead {
  const version = input.u8();
  if (version < oldestReadVersion || version > blockFormatVersion) {
    throw decodeFailed(
      `a state block has format ${version}, this version reads ${oldestReadVersion} to ${blockFormatVersion}`,
    );
  }
  const codec = input.u8();
  const hash = input.u8();
  if (codec !== keyCodecVersion || hash !== keyHashVersion) {
    throw decodeFailed(`a state block has keys of codec ${codec} and hash ${hash}`);
  }
  const checkpointId = input.u64();
  const count = input.count();
  const states: StateName[] = [];
  for (let index = 0; index < count; index += 1) {
    const number = input.u8();
    const isStamped = number >= stampedFlag;
    const kind = kindsByNumber[isStamped ? number - stampedFlag : number];
    if (kind === undefined || (isStamped && hasNamespace(kind))) {
      throw decodeFailed("a state block has a state of an unknown kind");
    }
    states.push({ kind, name: input.text(), isStamped });
  }
  return { checkpointId, states };
}

export interface Section {
  readonly group: number;
  readonly bytes: Uint8Array;
}

/** Returns how many bytes of a block a section takes, less its entries. */
export function sectionHeadBytes(group: number): number {
  return varintBytes(group) + 4;
}

/** Returns the sections behind the head, without copies. */
export function* readSections(input: ByteReader): Iterable<Section> {
  while (input.remaining > 0) {
    const group = input.varint();
    yield { group, bytes: input.bytes(input.u32()) };
  }
}
