/*
 * Measures keyed state in a process of its own: `node --expose-gc measure-state.ts '<options>'` prints
 * one line of JSON. What it loads and updates is checked in the end.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";

import { keyHash } from "@millrace/core";
import { createHeapBackend, maxLookAhead, type ValueState } from "@millrace/state";

import { waitedForProcessorMs } from "../process/processor-wait.ts";
import { usedBytes } from "../process/used-bytes.ts";

/** What to measure. */
export interface StateOptions {
  /** Numbers in tables, or all values in maps of cells. */
  readonly storage: "table" | "maps";
  readonly keyKind: "string" | "number";
  readonly keyCount: number;
  readonly updateCount: number;
}

/** Times of one update are medians over slices of 1,000, wall time, without making and hashing keys. */
export interface StateFigures {
  readonly loadNs: number;
  readonly updateNs: number;
  /** Heap and array buffers after a full collection, as far as the state added to them. */
  readonly bytesPerKey: number;
  /** Of all slices, load and updates: wall time, less what the thread waited for a processor. */
  readonly longestPauseMs: number;
  /** The same with that wait: on a busy machine mostly what other processes took. */
  readonly longestSliceMs: number;
  readonly longestCollectionMs: number;
}

const sliceLength = 1_000;
const maxParallelism = 128;

/** Sets counts of keys through the one state that it has. */
class Subject {
  readonly #keyKind: StateOptions["keyKind"];
  readonly #backend: ReturnType<typeof createHeapBackend>;
  readonly #state: ValueState<number>;
  readonly #keys: (string | number)[] = Array.from({ length: sliceLength }, () => 0);
  readonly #hashes = new Int32Array(sliceLength);
  readonly slicesMs: number[] = [];
  longestMs = 0;
  longestPauseMs = 0;

  constructor({ keyKind, storage }: StateOptions) {
    this.#keyKind = keyKind;
    this.#backend = createHeapBackend({
      operatorName: "count",
      groups: { start: 0, end: maxParallelism - 1 },
      maxParallelism,
      usesNumberTables: storage === "table",
    });
    this.#state = this.#backend.valueState("count");
  }

  get keyCount(): number {
    return this.#backend.cellCount();
  }

  /** Adds one to the counts of 1,000 keys. */
  addSlice(keyAt: (index: number) => number): void {
    for (let index = 0; index < sliceLength; index += 1) {
      const number = keyAt(index);
      const key = this.#keyKind === "string" ? `word-${number}` : number;
      this.#keys[index] = key;
      this.#hashes[index] = keyHash(key);
    }
    const waitedMs = waitedForProcessorMs();
    const startedMs = performance.now();
    this.#update();
    const tookMs = performance.now() - startedMs;
    const pauseMs = tookMs - (waitedForProcessorMs() - waitedMs);
    this.slicesMs.push(tookMs);
    this.longestMs = Math.max(this.longestMs, tookMs);
    this.longestPauseMs = Math.max(this.longestPauseMs, pauseMs);
  }

  /** Returns the sum of the counts of the keys below `end`. */
  sum(end: number): number {
    let sum = 0;
    for (let number = 0; number < end; number += 1) {
      const key = this.#keyKind === "string" ? `word-${number}` : number;
      this.#backend.setCurrentKey(key, keyHash(key));
      sum += this.#state.get() ?? 0;
    }
    return sum;
  }

  #update(): void {
    for (let index = 0; index < sliceLength; index += 1) {
      if (index % maxLookAhead === 0) this.#backend.lookAhead(this.#hashes, index, sliceLength);
      this.#backend.setCurrentKey(this.#keys[index], this.#hashes[index] ?? 0);
      const cell = this.#state.cellForUpdate();
      cell.value = (cell.value ?? 0) + 1;
    }
  }
}

async function measure(options: StateOptions): Promise<StateFigures> {
  const { keyCount, updateCount } = options;
  let longestCollectionMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      longestCollectionMs = Math.max(longestCollectionMs, duration);
    }
  });
  const bytesBefore = usedBytes();
  const subject = new Subject(options);
  observer.observe({ entryTypes: ["gc"] });
  for (let start = 0; start < keyCount; start += sliceLength) {
    subject.addSlice((index) => Math.min(start + index, keyCount - 1));
    await setImmediate();
  }
  const loadNs = medianOf(subject.slicesMs.splice(0)) * (1e6 / sliceLength);
  let random = 1;
  for (let done = 0; done < updateCount; done += sliceLength) {
    subject.addSlice(() => {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return (random >>> 0) % keyCount;
    });
    await setImmediate();
  }
  const updateNs = medianOf(subject.slicesMs.splice(0)) * (1e6 / sliceLength);
  observer.disconnect();
  const bytesPerKey = (usedBytes() - bytesBefore) / keyCount;
  check(subject, options);
  const { longestMs, longestPauseMs } = subject;
  return {
    loadNs,
    updateNs,
    bytesPerKey,
    longestPauseMs,
    longestSliceMs: longestMs,
    longestCollectionMs,
  };
}

function check(subject: Subject, { keyCount, updateCount }: StateOptions): void {
  const loaded = Math.ceil(keyCount / sliceLength) * sliceLength;
  const updated = Math.ceil(updateCount / sliceLength) * sliceLength;
  const sum = subject.sum(keyCount);
  if (subject.keyCount === keyCount && sum === loaded + updated) return;
  throw new Error(`${subject.keyCount} keys count ${sum}, and not ${loaded + updated}`);
}

function medianOf(values: number[]): number {
  values.sort((left, right) => left - right);
  return values[values.length >>> 1] ?? 0;
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("usage: measure-state.ts '<options as JSON>'");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- state.ts writes them
const figures = await measure(JSON.parse(argument) as StateOptions);
process.stdout.write(`${JSON.stringify(figures)}\n`);
