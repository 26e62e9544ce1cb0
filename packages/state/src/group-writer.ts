import { ByteWriter, ValueWriter } from "@millrace/core";

import { startOfEntry } from "./block-format.ts";
import { NumberRuns, type RunHead } from "./number-runs.ts";

/** Behind the snapshot that used them, columns of one operator are kept up to this. */
const keptBytes = 4 * 1024 * 1024;
/** With more tables than that a section's size is looked at every so many entries only. */
const manyTables = 4;
const entriesPerLook = 64;

/** Columns that were used before: memory that was touched already is cheaper than new memory. */
export class FreeRuns {
  #free: NumberRuns[] = [];
  #bytes = 0;

  take(): NumberRuns {
    const runs = this.#free.pop();
    if (runs === undefined) return new NumberRuns();
    this.#bytes -= runs.capacityBytes;
    return runs;
  }

  give(runs: NumberRuns): void {
    const { capacityBytes } = runs;
    if (this.#bytes + capacityBytes > keptBytes) return;
    runs.clear();
    this.#free.push(runs);
    this.#bytes += capacityBytes;
  }
}

/** The entries of one key group for one section: numbers in runs, all others as they come. */
export class GroupWriter {
  readonly #freeRuns: FreeRuns;
  readonly #heads: readonly RunHead[];
  readonly out: ByteWriter = new ByteWriter({ initialBytes: 64 });
  readonly values: ValueWriter = new ValueWriter(this.out);
  /** By the number of their table, as `#heads`; most groups have numbers of few. */
  readonly #runs: (NumberRuns | undefined)[] = [];
  /** Of those in `out`. */
  #otherCount = 0;
  #lookCount = 0;

  /** Heads of runs by the numbers of their tables; more may be added. */
  constructor(freeRuns: FreeRuns, heads: readonly RunHead[]) {
    this.#freeRuns = freeRuns;
    this.#heads = heads;
  }

  get entryCount(): number {
    let count = this.#otherCount;
    for (const runs of this.#runs) count += runs?.entryCount ?? 0;
    return count;
  }

  /** Whether the section is about so large; known fast. */
  isAbove(limitBytes: number): boolean {
    const runs = this.#runs;
    let size = this.out.length;
    this.#lookCount += 1;
    const isLooking = runs.length <= manyTables || this.#lookCount % entriesPerLook === 0;
    if (!isLooking) return size >= limitBytes;
    for (let index = 0; index < runs.length; index += 1) size += runs[index]?.aboutBytes ?? 0;
    return size >= limitBytes;
  }

  /** Of the section so far. */
  get sizeBytes(): number {
    let size = this.out.length;
    for (const [index, head] of this.#heads.entries()) {
      size += this.#runs[index]?.encodedBytes(head) ?? 0;
    }
    return size;
  }

  /** Begins an entry that stands by itself: the rest of it goes to `out` and `values`. */
  begin(stateIndex: number, kind: number): void {
    this.#otherCount += 1;
    this.out.varint(startOfEntry(stateIndex, kind));
  }

  /** Returns the table's runs, which take numbers in any order. */
  runsOf(tableNumber: number): NumberRuns {
    let runs = this.#runs[tableNumber];
    if (runs === undefined) {
      runs = this.#freeRuns.take();
      this.#runs[tableNumber] = runs;
    }
    return runs;
  }

  /** Appends the section's entries: `sizeBytes` bytes. */
  writeTo(out: ByteWriter): void {
    out.bytes(this.out.view());
    for (const [index, head] of this.#heads.entries()) this.#runs[index]?.writeTo(out, head);
  }

  /** Its memory goes to other writers; nothing is asked of it any more. */
  release(): void {
    for (const runs of this.#runs) if (runs !== undefined) this.#freeRuns.give(runs);
    this.#runs.length = 0;
  }
}
