import { ByteWriter, StreamError, ValueWriter, writeKey, type CheckpointId } from "@millrace/core";

import { entryKinds, writeBlockHead, type StateName } from "./block-format.ts";
import type { Cell, CellTable } from "./cell.ts";
import type { StateBlock } from "./contract.ts";
import type { NumberGroup } from "./number-group.ts";

/** A group's section leaves as a block of its own above this. */
const sectionLimitBytes = 512 * 1024;
/** Sections of adjacent groups are put together up to this. */
const blockAimBytes = 256 * 1024;
/** Groups without entries that a delta block may span, to save blocks. */
const spannedGapGroups = 2;

interface GroupWriter {
  readonly out: ByteWriter;
  readonly values: ValueWriter;
  entryCount: number;
}

export interface EmittedRange {
  readonly role: "base" | "delta";
  readonly groupStart: number;
  readonly groupEnd: number;
}

/**
 * Collects the entries of one snapshot by key group and puts them into blocks. Which role a group
 * has is fixed at the beginning.
 */
export class GroupWriters {
  readonly #operatorName: string;
  readonly #checkpointId: CheckpointId;
  readonly #roleOf: (group: number) => "base" | "delta";
  readonly #emit: (block: StateBlock) => void;
  readonly #writers = new Map<number, GroupWriter>();
  readonly #states: StateName[] = [];
  readonly #stateIndexes = new Map<string, number>();
  readonly #ranges: EmittedRange[] = [];
  /** Groups of one role that make the next block. */
  #run: number[] = [];
  #runBytes = 0;
  /** Encoded bytes by group that have left. */
  readonly bytesByGroup: Map<number, number> = new Map();
  /** Entries that have left. */
  entryCount = 0;

  constructor(options: {
    readonly operatorName: string;
    readonly checkpointId: CheckpointId;
    readonly roleOf: (group: number) => "base" | "delta";
    readonly emit: (block: StateBlock) => void;
  }) {
    this.#operatorName = options.operatorName;
    this.#checkpointId = options.checkpointId;
    this.#roleOf = options.roleOf;
    this.#emit = options.emit;
  }

  /** Throws `state-not-encodable`, naming operator, state and path. */
  writeCell(cell: Cell): void {
    const { table } = cell;
    const writer = this.#writerOf(cell.group);
    const isRemoved = cell.value === undefined;
    this.#writeStart(writer, table, isRemoved ? entryKinds.tombstone : entryKinds.cell);
    writer.out.u32(cell.hash);
    writeKey(writer.out, cell.key);
    if (!isRemoved && table.stateKind !== "timer") this.#writeValue(writer, cell);
    this.#finishEntry(cell.group, writer);
  }

  /** Writes an entry of the table's numbers as `writeCell` would a cell. */
  writeNumber(table: CellTable, numbers: NumberGroup, address: number): void {
    const writer = this.#writerOf(numbers.keyGroup);
    const value = numbers.valueOf(address);
    this.#writeStart(writer, table, value === undefined ? entryKinds.tombstone : entryKinds.cell);
    numbers.writeHashAndKey(writer.out, address);
    if (value !== undefined) writer.values.write(value);
    this.#finishEntry(numbers.keyGroup, writer);
  }

  writeDrop(table: CellTable, group: number): void {
    const writer = this.#writerOf(group);
    this.#writeStart(writer, table, entryKinds.drop);
    this.#finishEntry(group, writer);
  }

  /** Nothing more comes for the group: adds it to the run of adjacent ones. Ascending, each once. */
  closeGroup(group: number): void {
    const isBase = this.#roleOf(group) === "base";
    const entryBytes = this.#writers.get(group)?.out.length ?? 0;
    // An empty base says that there is nothing; not again behind one that has left already.
    if (entryBytes === 0 && (!isBase || this.bytesByGroup.has(group))) return;
    if (!this.#joins(this.#run, group) || this.#runBytes >= blockAimBytes) this.#closeRun();
    this.#run.push(group);
    this.#runBytes += entryBytes;
  }

  /** Emits what is left; returns every range of groups that the snapshot covers. */
  finish(): readonly EmittedRange[] {
    this.#closeRun();
    return this.#ranges;
  }

  #closeRun(): void {
    this.#emitRun(this.#run);
    this.#run = [];
    this.#runBytes = 0;
  }

  #joins(run: readonly number[], group: number): boolean {
    const last = run.at(-1);
    if (last === undefined) return true;
    const role = this.#roleOf(last);
    if (role !== this.#roleOf(group)) return false;
    const gap = group - last - 1;
    if (gap === 0) return true;
    if (role === "base" || gap > spannedGapGroups) return false;
    for (let between = last + 1; between < group; between += 1) {
      if (this.#roleOf(between) !== "delta") return false;
    }
    return true;
  }

  #writerOf(group: number): GroupWriter {
    let writer = this.#writers.get(group);
    if (writer === undefined) {
      const out = new ByteWriter({ initialBytes: 1024 });
      writer = { out, values: new ValueWriter(out), entryCount: 0 };
      this.#writers.set(group, writer);
    }
    return writer;
  }

  #writeStart(writer: GroupWriter, table: CellTable, kind: number): void {
    writer.out.varint(this.#stateIndex(table) * 4 + kind);
    if (table.stateKind !== "value") writer.out.f64(table.namespace);
  }

  #stateIndex({ stateName, stateKind }: CellTable): number {
    let index = this.#stateIndexes.get(stateName);
    if (index === undefined) {
      index = this.#states.length;
      this.#states.push({ name: stateName, kind: stateKind });
      this.#stateIndexes.set(stateName, index);
    }
    return index;
  }

  #writeValue(writer: GroupWriter, { value, table }: Cell): void {
    try {
      writer.values.write(value);
    } catch (cause) {
      if (!StreamError.is(cause, "record-not-encodable", "record-too-large")) throw cause;
      throw new StreamError(
        "state-not-encodable",
        `state ${JSON.stringify(table.stateName)} of operator ${this.#operatorName}: ${cause.message}`,
        { domain: "user", retry: "never", cause, location: { operator: this.#operatorName } },
      );
    }
  }

  #finishEntry(group: number, writer: GroupWriter): void {
    writer.entryCount += 1;
    if (writer.out.length >= sectionLimitBytes) this.#emitRun([group]);
  }

  #emitRun(run: readonly number[]): void {
    const [groupStart] = run;
    const groupEnd = run.at(-1);
    if (groupStart === undefined || groupEnd === undefined) return;
    const out = new ByteWriter({ initialBytes: 1024 });
    writeBlockHead(out, this.#checkpointId, this.#states);
    let cellCount = 0;
    for (const group of run) {
      const writer = this.#writers.get(group);
      if (writer === undefined || writer.entryCount === 0) continue;
      cellCount += writer.entryCount;
      const section = writer.out.view();
      out.varint(group);
      out.u32(section.length);
      out.bytes(section);
      this.bytesByGroup.set(group, (this.bytesByGroup.get(group) ?? 0) + section.length);
      writer.out.clear();
      writer.values.resetDictionary();
      writer.entryCount = 0;
    }
    this.entryCount += cellCount;
    const role = this.#roleOf(groupStart);
    const operator = this.#operatorName;
    this.#emit({
      operator,
      kind: "keyed",
      role,
      groupStart,
      groupEnd,
      cellCount,
      bytes: out.copy(),
    });
    this.#ranges.push({ role, groupStart, groupEnd });
  }
}
