import { ByteWriter, ValueWriter } from "@millrace/core";

import { entryKindCount, entryKinds } from "./block-format.ts";
import { NumberRuns } from "./number-runs.ts";

/** Behind the snapshot that used them, columns of one operator are kept up to this. */
const keptBytes = 4 * 1024 * 1024;

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
  readonly out: ByteWriter = new ByteWriter({ initialBytes: 64 });
  readonly values: ValueWriter = new ValueWriter(this.out);
  /** By the index of the state. */
  readonly #runs: (NumberRuns | undefined)[] = [];
  /** Of those in `out`. */
  #otherCount = 0;

  constructor(freeRuns: FreeRuns) {
    this.#freeRuns = freeRuns;
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
    for (let index = 0; index < runs.length; index += 1) size += runs[index]?.aboutBytes ?? 0;
    return size >= limitBytes;
  }

  /** Of the section so far. */
  get sizeBytes(): number {
    let size = this.out.length;
    for (const [index, runs] of this.#runs.entries()) {
      size += runs?.encodedBytes(startOf(index, entryKinds.run)) ?? 0;
    }
    return size;
  }

  /** Begins an entry that stands by itself: the rest of it goes to `out` and `values`. */
  begin(stateIndex: number, kind: number): void {
    this.#otherCount += 1;
    this.out.varint(startOf(stateIndex, kind));
  }

  /** Returns the state's runs, which take numbers in any order. */
  runsOf(stateIndex: number): NumberRuns {
    let runs = this.#runs[stateIndex];
    if (runs === undefined) {
      runs = this.#freeRuns.take();
      this.#runs[stateIndex] = runs;
    }
    return runs;
  }

  /** Appends the section's entries: `sizeBytes` bytes. */
  writeTo(out: ByteWriter): void {
    out.bytes(this.out.view());
    for (const [index, runs] of this.#runs.entries()) {
      runs?.writeTo(out, startOf(index, entryKinds.run));
    }
  }

  /** Its memory goes to other writers; nothing is asked of it any more. */
  release(): void {
    for (const runs of this.#runs) if (runs !== undefined) this.#freeRuns.give(runs);
    this.#runs.length = 0;
  }
}

function startOf(stateIndex: number, kind: number): number {
  return stateIndex * entryKindCount + kind;
}
