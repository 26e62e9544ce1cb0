import {
  ByteReader,
  decodeFailed,
  keyGroupOf,
  keyHash,
  readKey,
  ShortStrings,
  StreamError,
  ValueReader,
  type Failpoints,
  type KeyGroupRange,
} from "@millrace/core";

import {
  entryKindCount,
  entryKinds,
  readBlockHead,
  readSections,
  type BlockHead,
  type StateName,
} from "./block-format.ts";
import type { CellCounts } from "./cell-counts.ts";
import { hasNamespace, type StateKind } from "./cell.ts";
import type { ChainCosts } from "./chain-costs.ts";
import type { StateBlock } from "./contract.ts";
import { isMapCellKey } from "./map-table.ts";
import { readNumberRun } from "./read-number-run.ts";
import { RestoredCells } from "./restored-cells.ts";
import type { StateTables } from "./state-tables.ts";

/**
 * Takes blocks in, oldest first. A block may cover more key groups than the subtask owns, and groups
 * whose chain begins later.
 *
 * I1 The first base block of a later checkpoint replaces all that a group had; further base blocks
 *    of the same checkpoint add to it.
 * I2 A delta older than a group's base is gone with what that base replaced.
 * I3 Within one checkpoint the order of entries and blocks says nothing: a drop removes what older
 *    checkpoints held. Cells keep the number of the checkpoint that they were read from.
 */
export class BlockRestorer {
  readonly #operatorName: string;
  readonly #groups: KeyGroupRange;
  readonly #maxParallelism: number;
  readonly #costs: ChainCosts;
  readonly #failpoints: Failpoints;
  readonly #tables: StateTables;
  readonly #cells: RestoredCells;
  /** The checkpoint whose base a group has. */
  readonly #baseOf = new Map<number, bigint>();
  /** What the blocks of that base hold of a group: a large one has several. */
  readonly #baseBytes = new Map<number, number>();
  /** The groups that have something to replace. */
  readonly #filled = new Set<number>();
  readonly #numbers = new Map<bigint, number>();
  readonly #shortStrings = new ShortStrings();

  constructor(options: {
    readonly operatorName: string;
    readonly groups: KeyGroupRange;
    readonly maxParallelism: number;
    readonly costs: ChainCosts;
    readonly failpoints: Failpoints;
    readonly tables: StateTables;
    readonly counts: CellCounts;
  }) {
    this.#operatorName = options.operatorName;
    this.#groups = options.groups;
    this.#maxParallelism = options.maxParallelism;
    this.#costs = options.costs;
    this.#failpoints = options.failpoints;
    this.#tables = options.tables;
    this.#cells = new RestoredCells(options);
  }

  /** How many checkpoints blocks were read from: cells carry numbers up to this. */
  get checkpointCount(): number {
    return this.#numbers.size;
  }

  restore(block: StateBlock): void {
    const input = new ByteReader(block.bytes);
    const head = readBlockHead(input);
    if (block.role === "base") this.#startBases(block, head);
    const bytesByGroup = new Map<number, number>();
    let entryCount = 0;
    for (const { group, bytes } of readSections(input)) {
      if (group < block.groupStart || group > block.groupEnd) {
        throw decodeFailed(`a block of operator ${this.#operatorName} has a foreign key group`);
      }
      if (group < this.#groups.start || group > this.#groups.end) continue;
      bytesByGroup.set(group, bytes.length + this.#bytesBefore(block, group));
      if (block.role === "base") this.#baseBytes.set(group, bytesByGroup.get(group) ?? 0);
      this.#filled.add(group);
      entryCount += this.#readSection(head, group, bytes);
    }
    this.#costs.note({ ranges: [block], bytesByGroup, entryCount });
  }

  /** All blocks are in. */
  finish(): void {
    this.#baseOf.clear();
    this.#baseBytes.clear();
  }

  #startBases(block: StateBlock, head: BlockHead): void {
    const end = Math.min(block.groupEnd, this.#groups.end);
    const tables = this.#tables.all();
    for (let group = Math.max(block.groupStart, this.#groups.start); group <= end; group += 1) {
      if (this.#baseOf.get(group) === head.checkpointId) continue;
      this.#baseOf.set(group, head.checkpointId);
      this.#baseBytes.delete(group);
      if (!this.#filled.delete(group)) continue;
      for (const table of tables) this.#cells.clearGroup(table, group, Infinity);
    }
  }

  #bytesBefore({ role }: StateBlock, group: number): number {
    return role === "base" ? (this.#baseBytes.get(group) ?? 0) : 0;
  }

  /** Returns the number of entries. */
  #readSection(head: BlockHead, group: number, bytes: Uint8Array): number {
    const restoreNumber = this.#numberOf(head.checkpointId);
    const input = new ByteReader(bytes);
    const values = new ValueReader(input, this.#shortStrings);
    let entryCount = 0;
    while (input.remaining > 0) {
      const start = input.varint();
      const state = head.states[Math.floor(start / entryKindCount)];
      if (state === undefined) throw decodeFailed("an entry names no state");
      const kind = start % entryKindCount;
      if (kind === entryKinds.run) {
        entryCount += this.#readRun(state, input, { group, restoreNumber });
        continue;
      }
      entryCount += 1;
      const namespace = hasNamespace(state.kind) ? input.f64() : 0;
      if (kind === entryKinds.drop) {
        this.#cells.clearGroup(this.#tables.tableOf(state, namespace), group, restoreNumber);
        continue;
      }
      const hash = input.u32() | 0;
      if (keyGroupOf(hash, this.#maxParallelism) !== group) throw this.#foreignKey(group);
      const key = readKey(input);
      if (state.kind === "map" && !isMapCellKey(key)) throw decodeFailed("a map has no such entry");
      const hasValue = kind === entryKinds.cell;
      const stampMs = hasValue && state.isStamped ? input.f64() : Number.NaN;
      if (state.kind === "timer" && this.#failpoints.isActive("timers-not-restored")) continue;
      const value = hasValue ? readValue(state.kind, values) : undefined;
      const table = this.#tables.tableOf(state, namespace);
      this.#cells.restore(table, { key, hash, value, stampMs, restoreNumber });
    }
    return entryCount;
  }

  /** Returns the number of entries. */
  #readRun(
    state: StateName,
    input: ByteReader,
    { group, restoreNumber }: { readonly group: number; readonly restoreNumber: number },
  ): number {
    if (state.kind === "timer" || state.kind === "map") {
      throw decodeFailed(`a run of numbers belongs to a ${state.kind}`);
    }
    const table = this.#tables.tableOf(state, hasNamespace(state.kind) ? input.f64() : 0);
    return readNumberRun(input, (key, value) => {
      const hash = keyHash(key);
      if (keyGroupOf(hash, this.#maxParallelism) !== group) throw this.#foreignKey(group);
      this.#cells.restore(table, { key, hash, value, restoreNumber });
    });
  }

  #numberOf(checkpointId: bigint): number {
    let number = this.#numbers.get(checkpointId);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(checkpointId, number);
    }
    return number;
  }

  #foreignKey(group: number): StreamError {
    const message = `the state of operator ${this.#operatorName} has a key in key group ${group} where max parallelism ${this.#maxParallelism} does not put it: restore with the max parallelism of the checkpoint`;
    return new StreamError("state-incompatible", message, { domain: "user", retry: "never" });
  }
}

/** A timer has nothing to say but that it is there. */
function readValue(kind: StateKind, values: ValueReader): unknown {
  return kind === "timer" ? true : values.read();
}
