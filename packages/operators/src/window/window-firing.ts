import type { PaneLayout, WindowSpec } from "@millrace/graph";
import type { KeyedBackend, PaneJoin, PaneState } from "@millrace/state";

import type { WindowEmitter } from "./window-emitter.ts";

export interface FiringOptions {
  readonly keyed: KeyedBackend;
  readonly panes: PaneState<unknown>;
  readonly emitter: WindowEmitter;
  readonly spec: WindowSpec;
  readonly layout: PaneLayout;
  readonly endMs: number;
}

/** Asking whether to pause costs as much as taking a few values in. */
const valuesPerCheck = 16;

/**
 * One window's firing over all keys, as a cursor. It goes by key group: what the group's keys have in
 * the window's panes is merged, then each of them fires. Nothing else happens to the operator before
 * it is done.
 *
 * I1 A key that is in several panes of the window fires once; its values are merged in the order of
 *    the panes. Keys fire by key group; their order says nothing else.
 * I2 State that outlives the firing is never handed to `result`, nor changed by `merge`: what can
 *    fire again is merged into a new accumulator.
 * I3 What is held besides the state is one key group's accumulators (S15).
 */
export class WindowFiring {
  readonly endMs: number;
  readonly #options: FiringOptions;
  readonly #window: { readonly start: number; readonly end: number };
  /** Starts of the window's panes that have data, ascending. */
  readonly #panes: readonly number[];
  readonly #isLastUse: boolean;
  #join: PaneJoin<unknown> | undefined;
  /** Of the group's keys, by their numbers. */
  #accumulators: unknown[] = [];
  /** Those that have fired. */
  #firedCount = 0;
  #isMerged = true;
  #valueCount = 0;

  constructor(options: FiringOptions) {
    const { endMs, layout, panes, spec } = options;
    const start = endMs - layout.sizeMs;
    this.endMs = endMs;
    this.#options = options;
    this.#window = { start, end: endMs };
    this.#panes = panes.panes().filter((pane) => pane >= start && pane < endMs);
    this.#isLastUse = spec.assigner.kind === "tumbling" && spec.allowedLatenessMs === 0;
  }

  /** Fires key after key until done (true) or `shouldPause` says so (false). */
  step(shouldPause: () => boolean): boolean {
    this.#join ??= this.#options.panes.join(this.#panes);
    for (;;) {
      if (!this.#isMerged && !this.#mergeGroup(this.#join, shouldPause)) return false;
      this.#isMerged = true;
      if (!this.#fireGroup(this.#join, shouldPause)) return false;
      this.#accumulators = [];
      this.#firedCount = 0;
      if (!this.#join.nextGroup()) return true;
      this.#isMerged = false;
    }
  }

  /** Fires the window for the current key only. */
  fireCurrentKey(): void {
    const { panes } = this.#options;
    let accumulator: unknown;
    for (const pane of this.#panes) {
      const value = panes.get(pane);
      if (value !== undefined) accumulator = this.#merge(accumulator, value);
    }
    this.#emit(accumulator);
  }

  #mergeGroup(join: PaneJoin<unknown>, shouldPause: () => boolean): boolean {
    const accumulators = this.#accumulators;
    while (join.next()) {
      const { slot, value } = join;
      accumulators[slot] = this.#isLastUse ? value : this.#merge(accumulators[slot], value);
      this.#valueCount += 1;
      if (this.#valueCount % valuesPerCheck === 0 && shouldPause()) return false;
    }
    return true;
  }

  #fireGroup(join: PaneJoin<unknown>, shouldPause: () => boolean): boolean {
    const { keyed } = this.#options;
    const accumulators = this.#accumulators;
    while (this.#firedCount < accumulators.length) {
      if (shouldPause()) return false;
      const slot = this.#firedCount;
      this.#firedCount += 1;
      keyed.setCurrentKey(join.keyAt(slot), join.hashAt(slot));
      this.#emit(accumulators[slot]);
    }
    return true;
  }

  /** Returns both in one, a new one if there is none so far. */
  #merge(accumulator: unknown, value: unknown): unknown {
    const { create, merge } = this.#options.spec.aggregate;
    const into: unknown = accumulator === undefined ? create() : accumulator;
    const replaced: unknown = merge(into, value);
    return replaced === undefined ? into : replaced;
  }

  #emit(accumulator: unknown): void {
    this.#options.emitter.emit(accumulator, this.#window, this.endMs - 1);
  }
}
