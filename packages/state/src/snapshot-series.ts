import type { Barrier, KeyGroupRange } from "@millrace/core";

import type { CellCounts } from "./cell-counts.ts";
import { forgetCell, type Cell, type CellTable } from "./cell.ts";
import type { ChainCosts, WrittenBlocks } from "./chain-costs.ts";
import type { StateBlock } from "./contract.ts";
import type { Changes, DirtyLog } from "./dirty-log.ts";
import { FreeRuns } from "./group-writer.ts";
import { GroupWriters } from "./group-writers.ts";
import { HeapSnapshot } from "./heap-snapshot.ts";
import type { NumberGroup } from "./number-group.ts";
import type { StateTables } from "./state-tables.ts";
import { TombstoneSweep } from "./tombstone-sweep.ts";

export interface SnapshotSeriesOptions {
  readonly operatorName: string;
  readonly groups: KeyGroupRange;
  readonly log: DirtyLog;
  readonly costs: ChainCosts;
  readonly counts: CellCounts;
  readonly tables: StateTables;
  /** A snapshot ended: what it swept out is gone. */
  readonly onEnd: () => void;
}

/** The snapshots of a backend, one after the other: what each has to hold, and which are pending. */
export class SnapshotSeries {
  readonly #options: SnapshotSeriesOptions;
  readonly #sweep = new TombstoneSweep();
  readonly #freeRuns = new FreeRuns();
  /** In the order of their barriers. */
  #pending: HeapSnapshot[] = [];
  #count = 0;

  constructor(options: SnapshotSeriesOptions) {
    this.#options = options;
  }

  /** Cells carry the numbers of what they were restored from: those of snapshots go on from there. */
  startFrom(count: number): void {
    this.#count = count;
  }

  begin(barrier: Barrier, emit: (block: StateBlock) => void): HeapSnapshot {
    const { operatorName, groups, log, costs, counts } = this.#options;
    const { checkpointId } = barrier;
    if (this.#pending.length === 0) this.#compact();
    const epoch = log.close(checkpointId);
    const changes = this.#changesFor(barrier);
    const due = costs.groupsDue(checkpointId, (group) => counts.of(group));
    const isBase = changes === undefined ? () => true : (group: number) => due.has(group);
    this.#count += 1;
    const roleOf = (group: number): "base" | "delta" => (isBase(group) ? "base" : "delta");
    const writers = new GroupWriters({
      operatorName,
      checkpointId,
      roleOf,
      emit,
      groupStart: groups.start,
      freeRuns: this.#freeRuns,
    });
    const snapshot = new HeapSnapshot({
      number: this.#count,
      epoch,
      groups,
      isBase,
      changes,
      tablesAtBarrier: () => this.#tablesAt(epoch),
      passedMsOf: this.#passedTimes(),
      forget: (cell) => forgetCell(cell, counts),
      numberTables: () => this.#tablesAt(epoch).filter(({ numbers }) => numbers !== undefined),
      sweep: this.#sweep,
      baseEpoch: () => log.baseEpoch,
      writers,
      isFirst: (asking) => this.#pending[0] === asking,
      onEnd: (ended, written) => this.#end(ended, written),
    });
    this.#pending.push(snapshot);
    return snapshot;
  }

  /** Whether a snapshot still encodes, or waits for its turn. */
  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Has what pending snapshots still need of the cell encoded. */
  protect(cell: Cell): void {
    for (const snapshot of this.#pending) snapshot.protect(cell);
  }

  /** As `protect`, for an entry of the table's numbers. */
  protectNumber(table: CellTable, numbers: NumberGroup, address: number): void {
    for (const snapshot of this.#pending) snapshot.protectNumber(table, numbers, address);
  }

  /** Puts epochs together where too many are open. */
  #compact(): void {
    const { log, tables } = this.#options;
    const { baseEpoch } = log;
    const lastEpoch = log.compact();
    if (lastEpoch === 0) return;
    for (const { numbers } of tables.all()) numbers?.compact(lastEpoch, baseEpoch);
  }

  /** Returns what a delta holds; undefined for a full snapshot. Later deltas need nothing before the base. */
  #changesFor({ base, mode }: Barrier): Changes | undefined {
    const { log } = this.#options;
    const baseEpoch = base === undefined ? undefined : log.epochOf(base);
    if (base === undefined || baseEpoch === undefined) return undefined;
    for (const { lists, epoch } of log.rebase(base, baseEpoch)) this.#sweep.add(lists, epoch);
    return mode === "full" ? undefined : log.changesAfter(baseEpoch);
  }

  #tablesAt(epoch: number): readonly CellTable[] {
    const { log, tables } = this.#options;
    return [...tables.all(), ...log.tablesDroppedAfter(epoch)].filter(
      ({ createdEpoch }) => createdEpoch <= epoch,
    );
  }

  /** Returns what says how late it was, now, for the states that have a time to live. */
  #passedTimes(): (table: CellTable) => number {
    const times = new Map<CellTable, number>();
    for (const table of this.#options.tables.expiring) {
      times.set(table, table.ttl?.passedMs() ?? -Infinity);
    }
    return (table) => (table.ttl === undefined ? -Infinity : (times.get(table) ?? -Infinity));
  }

  #end(ended: HeapSnapshot, written: WrittenBlocks | undefined): void {
    this.#pending = this.#pending.filter((snapshot) => snapshot !== ended);
    if (written !== undefined) this.#options.costs.note(written);
    this.#options.onEnd();
  }
}
