import { assert, ByteWriter, StreamError, writeKey, type CheckpointId } from "@millrace/core";

import {
  entryKinds,
  sectionHeadBytes,
  startOfEntry,
  writeBlockHead,
  type StateName,
} from "./block-format.ts";
import { hasNamespace, type Cell, type CellTable } from "./cell.ts";
import type { StateBlock } from "./contract.ts";
import { GroupWriter, type FreeRuns } from "./group-writer.ts";
import type { NumberRuns, RunHead } from "./number-runs.ts";
import { stampedOf } from "./time-to-live.ts";

/** A group's section leaves as a block of its own above this. */
const sectionLimitBytes = 512 * 1024;
/** Sections of adjacent groups are put together up to this. */
const blockAimBytes = 256 * 1024;
/** Groups without entries that a delta block may span, to save blocks. */
const spannedGapGroups = 2;

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
  readonly #freeRuns: FreeRuns;
  readonly #groupStart: number;
  /** By group, from the first one on. */
  readonly #writers: (GroupWriter | undefined)[] = [];
  readonly #states: StateName[] = [];
  readonly #stateIndexes = new Map<string, number>();
  readonly #tableNumbers = new Map<CellTable, number>();
  /** By the number of the table. */
  readonly #runHeads: RunHead[] = [];
  /** The last one asked for: entries come mostly of one. */
  #lastTable: CellTable | undefined;
  #lastTableNumber = 0;
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
    /** The first key group that entries may be of. */
    readonly groupStart: number;
    readonly freeRuns: FreeRuns;
  }) {
    this.#operatorName = options.operatorName;
    this.#checkpointId = options.checkpointId;
    this.#roleOf = options.roleOf;
    this.#emit = options.emit;
    this.#groupStart = options.groupStart;
    this.#freeRuns = options.freeRuns;
  }

  /** Throws `state-not-encodable`, naming operator, state and path. */
  writeCell(cell: Cell): void {
    const { table, key, value, group } = cell;
    const writer = this.#writerOf(group);
    const isRemoved = value === undefined;
    const isNumber = isRemoved || typeof value === "number";
    const hasRuns = table.stateKind !== "timer";
    if (hasRuns && isNumber && (typeof key === "string" || typeof key === "number")) {
      writer.runsOf(this.#tableNumber(table)).add(key, value);
    } else {
      this.#begin(writer, table, isRemoved ? entryKinds.tombstone : entryKinds.cell);
      writer.out.u32(cell.hash);
      writeKey(writer.out, key);
      if (!isRemoved && table.stateKind !== "timer") this.#writeValue(writer, cell);
    }
    this.emitIfLarge(group);
  }

  /** Returns what takes the numbers of the table and group, until the next call of anything here. */
  runsOf(table: CellTable, group: number): NumberRuns {
    return this.#writerOf(group).runsOf(this.#tableNumber(table));
  }

  writeDrop(table: CellTable, group: number): void {
    this.#begin(this.#writerOf(group), table, entryKinds.drop);
    this.emitIfLarge(group);
  }

  /** Lets the section of a group leave if it is large; to be called behind each writing into runs. */
  emitIfLarge(group: number): void {
    const writer = this.#writers[group - this.#groupStart];
    if (writer?.isAbove(sectionLimitBytes) === true) this.#emitRun([group]);
  }

  /** Nothing more comes for the group: adds it to the run of adjacent ones. Ascending, each once. */
  closeGroup(group: number): void {
    const isBase = this.#roleOf(group) === "base";
    const entryBytes = this.#writers[group - this.#groupStart]?.sizeBytes ?? 0;
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
    const index = group - this.#groupStart;
    let writer = this.#writers[index];
    if (writer === undefined) {
      writer = new GroupWriter(this.#freeRuns, this.#runHeads);
      this.#writers[index] = writer;
    }
    return writer;
  }

  #begin(writer: GroupWriter, table: CellTable, kind: number): void {
    writer.begin(this.#stateIndex(table), kind);
    if (hasNamespace(table.stateKind)) writer.out.f64(table.namespace);
  }

  #tableNumber(table: CellTable): number {
    if (table === this.#lastTable) return this.#lastTableNumber;
    let number = this.#tableNumbers.get(table);
    if (number === undefined) {
      number = this.#runHeads.length;
      this.#tableNumbers.set(table, number);
      this.#runHeads.push({
        start: startOfEntry(this.#stateIndex(table), entryKinds.run),
        namespace: hasNamespace(table.stateKind) ? table.namespace : undefined,
      });
    }
    this.#lastTable = table;
    this.#lastTableNumber = number;
    return number;
  }

  #stateIndex({ stateName, stateKind, ttl }: CellTable): number {
    let index = this.#stateIndexes.get(stateName);
    if (index === undefined) {
      index = this.#states.length;
      this.#states.push({ name: stateName, kind: stateKind, isStamped: ttl !== undefined });
      this.#stateIndexes.set(stateName, index);
    }
    return index;
  }

  #writeValue(writer: GroupWriter, { value, table }: Cell): void {
    const stamped = table.ttl === undefined ? undefined : stampedOf(value);
    if (stamped !== undefined) writer.out.f64(stamped.stampMs);
    try {
      writer.values.write(stamped === undefined ? value : stamped.value);
    } catch (cause) {
      if (!StreamError.is(cause, "record-not-encodable", "record-too-large")) throw cause;
      throw new StreamError(
        "state-not-encodable",
        `state ${JSON.stringify(table.stateName)} of operator ${this.#operatorName}: ${cause.message}`,
        { domain: "user", retry: "never", cause, location: { operator: this.#operatorName } },
      );
    }
  }

  #emitRun(run: readonly number[]): void {
    const [groupStart] = run;
    const groupEnd = run.at(-1);
    if (groupStart === undefined || groupEnd === undefined) return;
    const sections = run.flatMap((group) => this.#takeSection(group) ?? []);
    const head = new ByteWriter({ initialBytes: 256 });
    writeBlockHead(head, this.#checkpointId, this.#states);
    const initialBytes = sections.reduce(
      (sum, { group, sizeBytes }) => sum + sectionHeadBytes(group) + sizeBytes,
      head.length,
    );
    // Of its exact size, as the buffer leaves the thread as it is.
    const out = new ByteWriter({ initialBytes });
    out.bytes(head.view());
    let cellCount = 0;
    for (const { group, sizeBytes, writer } of sections) {
      out.varint(group);
      out.u32(sizeBytes);
      writer.writeTo(out);
      cellCount += writer.entryCount;
      this.bytesByGroup.set(group, (this.bytesByGroup.get(group) ?? 0) + sizeBytes);
      writer.release();
    }
    const bytes = out.view();
    assert(bytes.length === initialBytes, "a block is as long as its parts");
    this.entryCount += cellCount;
    const role = this.#roleOf(groupStart);
    const operator = this.#operatorName;
    this.#emit({ operator, kind: "keyed", role, groupStart, groupEnd, cellCount, bytes });
    this.#ranges.push({ role, groupStart, groupEnd });
  }

  /** Takes the group's writer out: what comes later begins another section. */
  #takeSection(group: number): OpenSection | undefined {
    const writer = this.#writers[group - this.#groupStart];
    if (writer === undefined) return undefined;
    this.#writers[group - this.#groupStart] = undefined;
    const { sizeBytes } = writer;
    return sizeBytes === 0 ? undefined : { group, sizeBytes, writer };
  }
}

interface OpenSection {
  readonly group: number;
  readonly sizeBytes: number;
  readonly writer: GroupWriter;
}
