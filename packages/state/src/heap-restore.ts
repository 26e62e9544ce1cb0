import {
  ByteReader,
  decodeFailed,
  readKey,
  ValueReader,
  type Failpoints,
  type KeyGroupRange,
} from "@millrace/core";

import { entryKinds, readBlockHead, readSections, type BlockHead } from "./block-format.ts";
import type { CellTable, StateKind } from "./cell.ts";
import type { ChainCosts } from "./chain-costs.ts";
import type { StateBlock } from "./contract.ts";
import type { HeapBackend } from "./heap-backend.ts";

/**
 * Takes blocks in, oldest first. A block may cover more key groups than the subtask owns, and groups
 * whose chain begins later.
 *
 * I1 The first base block of a later checkpoint replaces all that a group had; further base blocks
 *    of the same checkpoint add to it.
 * I2 A delta older than a group's base is gone with what that base replaced.
 */
export class BlockRestorer {
  readonly #operatorName: string;
  readonly #groups: KeyGroupRange;
  readonly #costs: ChainCosts;
  readonly #failpoints: Failpoints;
  readonly #target: HeapBackend;
  /** The checkpoint whose base a group has. */
  readonly #baseOf = new Map<number, bigint>();

  constructor(options: {
    readonly operatorName: string;
    readonly groups: KeyGroupRange;
    readonly costs: ChainCosts;
    readonly failpoints: Failpoints;
    readonly target: HeapBackend;
  }) {
    this.#operatorName = options.operatorName;
    this.#groups = options.groups;
    this.#costs = options.costs;
    this.#failpoints = options.failpoints;
    this.#target = options.target;
  }

  restore(block: StateBlock): void {
    const input = new ByteReader(block.bytes);
    const head = readBlockHead(input);
    if (block.role === "base") this.#startBases(block, head);
    const bytesByGroup = new Map<number, number>();
    for (const { group, bytes } of readSections(input)) {
      if (group < block.groupStart || group > block.groupEnd) {
        throw decodeFailed(`a block of operator ${this.#operatorName} has a foreign key group`);
      }
      if (group < this.#groups.start || group > this.#groups.end) continue;
      bytesByGroup.set(group, bytes.length);
      this.#readSection(head, group, bytes);
    }
    this.#costs.note([block], bytesByGroup);
  }

  /** All blocks are in. */
  finish(): void {
    this.#baseOf.clear();
    for (const table of this.#target.tables()) {
      if (table.stateKind === "pane") this.#target.paneTables(table.stateName).forgetEmpty();
    }
  }

  #startBases(block: StateBlock, head: BlockHead): void {
    const end = Math.min(block.groupEnd, this.#groups.end);
    for (let group = Math.max(block.groupStart, this.#groups.start); group <= end; group += 1) {
      if (this.#baseOf.get(group) === head.checkpointId) continue;
      this.#baseOf.set(group, head.checkpointId);
      this.#target.clearGroup(group);
    }
  }

  #readSection(head: BlockHead, group: number, bytes: Uint8Array): void {
    const input = new ByteReader(bytes);
    const values = new ValueReader(input);
    while (input.remaining > 0) {
      const start = input.varint();
      const state = head.states[start >>> 2];
      if (state === undefined) throw decodeFailed("an entry names no state");
      const namespace = state.kind === "value" ? 0 : input.f64();
      const kind = start & 3;
      if (kind === entryKinds.drop) {
        this.#target.clearTableGroup(this.#tableOf(state, namespace), group);
        continue;
      }
      const hash = input.u32() | 0;
      const key = readKey(input);
      const hasValue = kind === entryKinds.cell;
      if (state.kind === "timer" && this.#failpoints.isActive("timers-not-restored")) continue;
      const value = hasValue ? readValue(state.kind, values) : undefined;
      this.#target.restoreCell(this.#tableOf(state, namespace), { key, hash, value });
    }
  }

  #tableOf(state: BlockHead["states"][number], namespace: number): CellTable {
    switch (state.kind) {
      case "value":
        return this.#target.valueTable(state.name);
      case "pane":
        return this.#target.paneTables(state.name).tableOf(namespace);
      case "timer":
        return this.#target.timerTables().tableOf(namespace);
    }
  }
}

/** A timer has nothing to say but that it is there. */
function readValue(kind: StateKind, values: ValueReader): unknown {
  return kind === "timer" ? true : values.read();
}
