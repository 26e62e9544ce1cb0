import type { ByteWriter } from "@millrace/core";

import { Column, varintBytes } from "./column.ts";
import { unitOf, wordOf, type Chunk } from "./entry-arena.ts";
import {
  codeUnitOf,
  entryWords,
  keyKinds,
  keyMask,
  kindMask,
  lengthMask,
  numberKeyUnit,
  textByteOf,
  textKindOf,
  valueIn,
} from "./number-entry.ts";

/** How a run has its keys: strings of one byte a code unit, of two, or float64. */
export const keyForms = { latin1: 0, utf16: 1, number: 2 } as const;
/** How a run has its values: integers of 32 bits, float64, or none, as the keys are removed. */
export const valueForms = { int: 0, float: 1, removed: 2 } as const;

/** In a run's layout the form of the values stands above that of the keys. */
export const valueFormShift = 2;
const keyFormShift = 16;
const layoutCount: number = (valueForms.removed + 1) << valueFormShift;
const layoutBytes = 1;

/** What stands before a run: its state and that it is one, then its namespace unless the state is plain. */
export interface RunHead {
  readonly start: number;
  readonly namespace: number | undefined;
}

/** One run: columns of keys and values of one layout. */
class NumberRun {
  readonly layout: number;
  count = 0;
  readonly lengths = new Column();
  readonly keys = new Column();
  readonly values = new Column();

  constructor(layout: number) {
    this.layout = layout;
  }

  get sizeBytes(): number {
    return this.lengths.length + this.keys.length + this.values.length;
  }

  get capacityBytes(): number {
    return this.lengths.capacityBytes + this.keys.capacityBytes + this.values.capacityBytes;
  }

  clear(): void {
    this.count = 0;
    this.lengths.clear();
    this.keys.clear();
    this.values.clear();
  }
}

/**
 * Collects what a key group's section says of the numbers of one state, in columns: numbers of 23 bytes
 * an entry take 9, and a third of the time to compress. The memory is used again after `clear`.
 */
export class NumberRuns {
  readonly #byLayout: (NumberRun | undefined)[] = Array.from({ length: layoutCount });
  /** By their layouts. */
  #runs: NumberRun[] = [];
  #aboutBytes = 0;

  get entryCount(): number {
    let count = 0;
    for (const run of this.#runs) count += run.count;
    return count;
  }

  /** About what the columns hold: known without looking at them. */
  get aboutBytes(): number {
    return this.#aboutBytes;
  }

  get capacityBytes(): number {
    let sum = 0;
    for (const run of this.#runs) sum += run.capacityBytes;
    return sum;
  }

  /** Adds an entry of a number table. */
  addEntry(chunk: Chunk, address: number): void {
    const what = chunk.words[wordOf(address) + entryWords.what] ?? 0;
    const value = valueIn(chunk, address);
    const run = this.#runOf((what & kindMask) >>> keyFormShift, value);
    const length = what & lengthMask;
    switch (what & kindMask) {
      case keyKinds.latin1:
        run.lengths.varint(length);
        run.keys.bytes(chunk.bytes, textByteOf(address), length);
        break;
      case keyKinds.utf16:
        run.lengths.varint(length);
        run.keys.codeUnits(chunk.codeUnits, codeUnitOf(address), length);
        break;
      default:
        run.keys.f64(chunk.doubles[unitOf(address) + numberKeyUnit] ?? 0);
    }
    this.#aboutBytes += addValue(run, value) + length;
  }

  /** Adds what a cell says: undefined is a tombstone. */
  add(key: string | number, value: number | undefined): void {
    if (typeof key === "number") {
      const run = this.#runOf(keyForms.number, value);
      // As in the bytes of a key: -0 is 0.
      run.keys.f64(key + 0);
      this.#aboutBytes += addValue(run, value) + 8;
      return;
    }
    const kind = textKindOf(key);
    const run = this.#runOf((kind & keyMask) >>> keyFormShift, value);
    run.lengths.varint(key.length);
    if (kind === keyKinds.latin1) run.keys.latin1(key);
    else run.keys.utf16(key);
    this.#aboutBytes += addValue(run, value) + key.length;
  }

  /** Returns how many bytes `writeTo` appends for the same head. */
  encodedBytes({ start, namespace }: RunHead): number {
    const headBytes = varintBytes(start) + (namespace === undefined ? 0 : 8) + layoutBytes;
    let sum = 0;
    for (const run of this.#runs) {
      if (run.count === 0) continue;
      sum += headBytes + varintBytes(run.count) + run.sizeBytes;
    }
    return sum;
  }

  /** Appends the runs, each behind the head. */
  writeTo(out: ByteWriter, { start, namespace }: RunHead): void {
    for (const run of this.#runs) {
      if (run.count === 0) continue;
      out.varint(start);
      if (namespace !== undefined) out.f64(namespace);
      out.u8(run.layout);
      out.varint(run.count);
      out.bytes(run.lengths.view());
      out.bytes(run.keys.view());
      out.bytes(run.values.view());
    }
  }

  clear(): void {
    for (const run of this.#runs) run.clear();
    this.#aboutBytes = 0;
  }

  #runOf(keyForm: number, value: number | undefined): NumberRun {
    const layout = keyForm | (valueFormOf(value) << valueFormShift);
    return this.#byLayout[layout] ?? this.#make(layout);
  }

  #make(layout: number): NumberRun {
    const run = new NumberRun(layout);
    this.#byLayout[layout] = run;
    this.#runs = this.#byLayout.filter((each) => each !== undefined);
    return run;
  }
}

function valueFormOf(value: number | undefined): number {
  if (value === undefined) return valueForms.removed;
  // -0 is no integer here: its sign would be lost.
  const isInt = value === (value | 0) && (value !== 0 || 1 / value > 0);
  return isInt ? valueForms.int : valueForms.float;
}

/** Returns about how many bytes the value takes, and the length of a key. */
function addValue(run: NumberRun, value: number | undefined): number {
  run.count += 1;
  if (value === undefined) return 1;
  if (run.layout >>> valueFormShift === valueForms.float) {
    run.values.f64(value);
    return 9;
  }
  run.values.varint((value << 1) ^ (value >> 31));
  return 2;
}
