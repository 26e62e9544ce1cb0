import type { WindowSpec } from "@millrace/graph";

import type { Received, SideOutputs, Timed } from "./records.ts";

interface FiredWindow {
  readonly key: unknown;
  readonly window: { readonly start: number; readonly end: number };
  /** In the order in which they were added. */
  readonly records: readonly Received[];
  readonly atMs: number;
}

/** Returns what a window emits for its records, and puts aside what it emits to tags. */
export function emitWindow(
  { create, add, addSecond, result, emitsItself }: WindowSpec["aggregate"],
  { key, window, records, atMs }: FiredWindow,
  side: SideOutputs,
): readonly Timed[] {
  let accumulator: unknown = create();
  for (const { value, input } of records) {
    const take = (input === 1 ? addSecond : undefined) ?? add;
    accumulator = take(accumulator, value) ?? accumulator;
  }
  if (emitsItself !== true) return [{ value: result(accumulator, { key, window }), atMs }];
  const emitted: Timed[] = [];
  result(accumulator, {
    key,
    window,
    timestamp: atMs,
    watermark: atMs,
    emit: (value: unknown) => void emitted.push({ value, atMs }),
    emitTo: ({ name }: { readonly name: string }, value: unknown) => {
      side.set(name, [...(side.get(name) ?? []), { value, atMs }]);
    },
  });
  return emitted;
}
