import { createStateModel, type WindowSpec } from "@millrace/graph";

import type { Received, SideOutputs, Timed } from "./records.ts";

type Bounds = { readonly start: number; readonly end: number };

/** What a window is when it fires. */
interface Firing {
  /** In the order in which they were added. */
  readonly records: readonly Received[];
  readonly atMs: number;
}

/** The author's functions over the windows of one key, with the states that they keep. */
export class WindowFunctions {
  readonly #aggregate: WindowSpec["aggregate"];
  readonly #key: unknown;
  readonly #side: SideOutputs;
  readonly #globalState: Readonly<Record<string, object>>;
  #nowMs = -Infinity;

  constructor(aggregate: WindowSpec["aggregate"], key: unknown, side: SideOutputs) {
    this.#aggregate = aggregate;
    this.#key = key;
    this.#side = side;
    this.#globalState = createStateModel(aggregate.globalState ?? {}, () => this.#nowMs);
  }

  /** Returns what one window emits for all of its firings; then it is over. Windows come by their ends. */
  run(window: Bounds, firings: readonly Firing[]): readonly Timed[] {
    const { windowState = {}, onClear } = this.#aggregate;
    const shared = {
      key: this.#key,
      window,
      processingTime: () => 0,
      windowState: createStateModel(windowState, () => this.#nowMs),
      globalState: this.#globalState,
    };
    const emitted = firings.flatMap((firing) => this.#fire(shared, firing));
    onClear?.({ ...shared, watermark: this.#nowMs });
    return emitted;
  }

  #fire(
    shared: { readonly key: unknown; readonly window: Bounds },
    { records, atMs }: Firing,
  ): readonly Timed[] {
    const { create, add, addSecond, result, emitsItself } = this.#aggregate;
    let accumulator: unknown = create();
    for (const { value, input } of records) {
      const take = (input === 1 ? addSecond : undefined) ?? add;
      accumulator = take(accumulator, value) ?? accumulator;
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
    if (emitsItself !== true) return [{ value: result(accumulator, shared), atMs }];
    const emitted: Timed[] = [];
    result(accumulator, {
      ...shared,
      timestamp: atMs,
      watermark: atMs,
      emit: (value: unknown) => void emitted.push({ value, atMs }),
      emitTo: ({ name }: { readonly name: string }, value: unknown) => {
        this.#side.set(name, [...(this.#side.get(name) ?? []), { value, atMs }]);
      },
    });
    return emitted;
  }
}
