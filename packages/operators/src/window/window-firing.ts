import type { PaneLayout, WindowSpec } from "@millrace/graph";
import type { KeyedBackend, PaneState } from "@millrace/state";

import type { Output } from "../operator.ts";

export interface FiringOptions {
  readonly keyed: KeyedBackend;
  readonly panes: PaneState<unknown>;
  readonly output: Output;
  readonly spec: WindowSpec;
  readonly layout: PaneLayout;
  readonly endMs: number;
}

interface KeyToFire {
  readonly key: unknown;
  readonly hash: number;
  /** Of the window's first pane that has the key: an index into the window's panes. */
  readonly paneIndex: number;
}

/**
 * One window's firing over all keys, as a cursor. The keys are taken when it begins: nothing else
 * happens to the operator before it is done.
 *
 * I1 A key that is in several panes of the window fires once: in the first pane that has it.
 * I2 State that outlives the firing is never handed to `result`, nor changed by `merge`: what can
 *    fire again is merged into a new accumulator.
 */
export class WindowFiring {
  readonly endMs: number;
  readonly #options: FiringOptions;
  readonly #window: { readonly start: number; readonly end: number };
  /** Starts of the window's panes that have data, ascending. */
  readonly #panes: readonly number[];
  #keys: readonly KeyToFire[] | undefined;
  #next = 0;

  constructor(options: FiringOptions) {
    const { endMs, layout, panes } = options;
    const start = endMs - layout.sizeMs;
    this.endMs = endMs;
    this.#options = options;
    this.#window = { start, end: endMs };
    this.#panes = panes.panes().filter((pane) => pane >= start && pane < endMs);
  }

  /** Fires key after key until done (true) or `shouldPause` says so (false). */
  step(shouldPause: () => boolean): boolean {
    this.#keys ??= this.#collectKeys();
    while (this.#next < this.#keys.length) {
      if (shouldPause()) return false;
      const next = this.#keys[this.#next];
      this.#next += 1;
      if (next !== undefined) this.#fireUnlessSeen(next);
    }
    return true;
  }

  /** Fires the window for the current key only. */
  fireCurrentKey(): void {
    this.#fire(0);
  }

  #collectKeys(): readonly KeyToFire[] {
    const keys: KeyToFire[] = [];
    for (const [paneIndex, pane] of this.#panes.entries()) {
      this.#options.panes.forEachKey(pane, (key, hash) => {
        keys.push({ key, hash, paneIndex });
      });
    }
    return keys;
  }

  #fireUnlessSeen({ key, hash, paneIndex }: KeyToFire): void {
    const { keyed, panes } = this.#options;
    keyed.setCurrentKey(key, hash);
    for (let index = 0; index < paneIndex; index += 1) {
      const pane = this.#panes[index];
      if (pane !== undefined && panes.get(pane) !== undefined) return;
    }
    this.#fire(paneIndex);
  }

  #fire(firstPaneIndex: number): void {
    const { keyed, output, spec } = this.#options;
    const accumulator = this.#accumulatorFrom(firstPaneIndex);
    const details = { key: keyed.currentKey(), window: this.#window };
    output.emit(spec.aggregate.result(accumulator, details), this.endMs - 1);
  }

  #accumulatorFrom(firstPaneIndex: number): unknown {
    const { panes, spec } = this.#options;
    const { create, merge } = spec.aggregate;
    const first = this.#panes[firstPaneIndex];
    const isLastUse = spec.assigner.kind === "tumbling" && spec.allowedLatenessMs === 0;
    if (isLastUse && first !== undefined) return panes.get(first);
    let accumulator = create();
    for (let index = firstPaneIndex; index < this.#panes.length; index += 1) {
      const pane = this.#panes[index];
      const part = pane === undefined ? undefined : panes.get(pane);
      if (part === undefined) continue;
      const replaced = merge(accumulator, part);
      if (replaced !== undefined) accumulator = replaced;
    }
    return accumulator;
  }
}
