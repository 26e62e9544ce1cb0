import { expect, test } from "vitest";

import { defineJob, elements, tumbling, type WindowedStream } from "./index.ts";

/** Returns the functions of the window that is written. */
function aggregateOf(write: (windowed: WindowedStream<number, number>) => void) {
  const job = defineJob("job", (to) => {
    const watermarks = { timestamp: () => 0, outOfOrderness: "0 ms" } as const;
    const keyed = to.source("numbers", elements([1]), { watermarks }).keyBy(() => 1);
    write(keyed.window(tumbling("1 second")));
  });
  const { nodes } = job.build({ params: {}, baseDirectory: "/" });
  const spec = nodes.map((node) => node.spec).find(({ kind }) => kind === "window");
  if (spec?.kind !== "window") throw new Error("there is no window");
  return spec.aggregate;
}

const details = { key: 1, window: { start: 0, end: 1_000 } };

test.each([
  ["count", aggregateOf((windowed) => windowed.count("w")), 3, 4],
  ["sum", aggregateOf((windowed) => windowed.sum("w", (n) => n)), 5, 7],
  ["min", aggregateOf((windowed) => windowed.min("w", (n) => n)), -1, -1],
  ["max", aggregateOf((windowed) => windowed.max("w", (n) => n)), 4, 4],
])("%s has a number as accumulator", (_name, { create, add, merge, result }, value, merged) => {
  const accumulator: unknown = [2, -1, 4].reduce<unknown>((so, n) => add(so, n), create());
  expect(accumulator).toBe(value);
  expect(merge(accumulator, add(create(), 2))).toBe(merged);
  expect(result(accumulator, details)).toEqual({ ...details, value });
});

test("a sum of negative zeros is one", () => {
  const { create, add } = aggregateOf((windowed) => windowed.sum("w", (n) => n));
  expect(add(create(), -0)).toBe(-0);
});

test("what a checkpoint has as { value } goes on as a number", () => {
  const { add, merge, result } = aggregateOf((windowed) => windowed.count("w"));
  expect(add({ value: 2 }, 7)).toBe(3);
  expect(merge({ value: 2 }, { value: 3 })).toBe(5);
  expect(result({ value: 2 }, details)).toEqual({ ...details, value: 2 });
});
