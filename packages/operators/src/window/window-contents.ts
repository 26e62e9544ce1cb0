import { assertNever } from "@millrace/core";
import type { EvictorSpec, GeneralWindowSpec } from "@millrace/graph";

import type { WindowEmitter } from "./window-emitter.ts";
import type { KeptRecord, StoredWindow } from "./window-state.ts";

interface ContentsOptions {
  readonly spec: Pick<GeneralWindowSpec, "aggregate" | "evictor">;
  readonly emitter: WindowEmitter;
  readonly currentKey: () => unknown;
  readonly seenWatermarkMs: () => number;
}

/**
 * What a window holds of its records: their aggregate, or with an evictor the records themselves.
 *
 * I1 What outlives a firing is never handed to `result`, but a copy of it.
 * I2 A window without records emits nothing; nor does one whose records were all evicted.
 */
export class WindowContents {
  readonly #options: ContentsOptions;
  readonly #aggregate: GeneralWindowSpec["aggregate"];
  readonly #evictor: EvictorSpec | undefined;

  constructor(options: ContentsOptions) {
    this.#options = options;
    this.#aggregate = options.spec.aggregate;
    this.#evictor = options.spec.evictor;
  }

  /** `timeMs` is the time by which the record was assigned. */
  add(
    window: StoredWindow,
    record: unknown,
    { timeMs, timestampMs }: { readonly timeMs: number; readonly timestampMs: number },
  ): void {
    window.newestMs = Math.max(window.newestMs, timestampMs);
    if (this.#evictor === undefined) window.contents = this.#folded(window.contents, record);
    else if (window.contents === undefined)
      window.contents = [{ value: record, timestamp: timeMs }];
    else recordsOf(window).push({ value: record, timestamp: timeMs });
  }

  /** Takes what the later window holds into the earlier one. */
  merge(into: StoredWindow, from: StoredWindow): void {
    into.newestMs = Math.max(into.newestMs, from.newestMs);
    if (into.contents === undefined) {
      into.contents = from.contents;
    } else if (from.contents !== undefined) {
      if (this.#evictor === undefined) into.contents = this.#merged(into.contents, from.contents);
      else for (const record of recordsOf(from)) recordsOf(into).push(record);
    }
  }

  /** Whether `finish` does anything. */
  get isFinishing(): boolean {
    return this.#options.emitter.hasOnClear;
  }

  clear(window: StoredWindow): void {
    window.contents = undefined;
    window.newestMs = -Infinity;
  }

  /** Emits the window's result; `isLast`: the window is cleared right after it. */
  fire(window: StoredWindow, isLast: boolean): void {
    if (window.contents === undefined) return;
    if (this.#evictor !== undefined) {
      this.#fireEvicted(window, this.#evictor);
      return;
    }
    const { contents } = window;
    this.#emit(window, isLast ? contents : this.#merged(this.#aggregate.create(), contents));
  }

  #fireEvicted(window: StoredWindow, evictor: EvictorSpec): void {
    const kept = this.#evictBefore(evictor, window, recordsOf(window));
    if (kept.length > 0) {
      let contents: unknown;
      for (const { value } of kept) contents = this.#folded(contents, value);
      this.#emit(window, contents);
    }
    const left =
      evictor.kind === "custom" && evictor.after !== undefined
        ? this.#evictBy(evictor.after, window, kept)
        : kept;
    window.contents = left.length === 0 ? undefined : left;
  }

  #evictBefore(
    evictor: EvictorSpec,
    window: StoredWindow,
    records: readonly KeptRecord[],
  ): readonly KeptRecord[] {
    switch (evictor.kind) {
      case "count":
        return records.slice(-evictor.count);
      case "time": {
        let newestMs = -Infinity;
        for (const { timestamp } of records) newestMs = Math.max(newestMs, timestamp);
        return records.filter(({ timestamp }) => timestamp > newestMs - evictor.keepMs);
      }
      case "custom":
        if (evictor.before === undefined) return records;
        return this.#evictBy(evictor.before, window, records);
      default:
        return assertNever(evictor);
    }
  }

  #evictBy(
    choose: (...args: unknown[]) => readonly unknown[],
    { start, end }: StoredWindow,
    records: readonly KeptRecord[],
  ): KeptRecord[] {
    const { currentKey, seenWatermarkMs } = this.#options;
    const details = { key: currentKey(), window: { start, end }, watermark: seenWatermarkMs() };
    const kept = new Set(choose(records, details));
    // Of the given records only: an author may have made others.
    return records.filter((record) => kept.has(record));
  }

  #folded(contents: unknown, record: unknown): unknown {
    const { create, add } = this.#aggregate;
    const accumulator: unknown = contents === undefined ? create() : contents;
    const replaced: unknown = add(accumulator, record);
    return replaced === undefined ? accumulator : replaced;
  }

  #merged(into: unknown, from: unknown): unknown {
    const replaced: unknown = this.#aggregate.merge(into, from);
    return replaced === undefined ? into : replaced;
  }

  /** Tells the author that the window is over; what it held is gone behind that. */
  finish(window: StoredWindow): void {
    const { emitter } = this.#options;
    emitter.lookAt(window);
    emitter.clear({ start: window.start, end: window.end });
  }

  #emit(window: StoredWindow, contents: unknown): void {
    const { emitter } = this.#options;
    const { start, end, newestMs } = window;
    const timestampMs = end === Infinity ? newestMs : end - 1;
    emitter.lookAt(window);
    emitter.emit(contents, { start, end }, timestampMs);
  }
}

function recordsOf(window: StoredWindow): KeptRecord[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- with an evictor nothing else is stored
  return window.contents as KeptRecord[];
}
