import { planJob } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import {
  count,
  defineJob,
  elements,
  evictors,
  global,
  outputTag,
  session,
  state,
  sliding,
  topN,
  triggers,
  tumbling,
  type,
  type WindowAssigner,
  type WindowedStream,
  type WindowOptions,
} from "./index.ts";

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

interface Event {
  readonly user: string;
  readonly gapMs: number;
}

const late = outputTag<Event>("late");

/** Returns the node of a count over the windows, and what the plan of all is. */
function planOf(assigner: WindowAssigner<Event>, options: WindowOptions<Event> = {}) {
  const job = defineJob("job", (to) => {
    const events = to.source("events", elements<Event>([]), {
      watermarks: { timestamp: () => 0, outOfOrderness: "0 ms" },
    });
    const counts = events
      .keyBy(({ user }) => user)
      .window(assigner, options)
      .count("w");
    counts.sideOutput(late).print();
    counts.print();
  });
  const graph = job.build({ params: {}, baseDirectory: "/" });
  const operators = planJob(graph).vertices.flatMap((vertex) => vertex.operators);
  return operators.find(({ name }) => name === "w");
}

test.each<[string, WindowAssigner<Event>, WindowOptions<Event>, string, unknown]>([
  [
    "side by side",
    tumbling("1 second"),
    { trigger: triggers.eventTime(), lateTo: late },
    "window",
    {
      assigner: { kind: "tumbling", sizeMs: 1_000, offsetMs: 0 },
      allowedLatenessMs: 0,
      lateTag: "late",
    },
  ],
  [
    "with a gap of each record",
    session((event) => event.gapMs),
    { allowedLateness: "1 second" },
    "general-window",
    { assigner: { kind: "session", gapMs: "by record" }, allowedLatenessMs: 1_000 },
  ],
  [
    "of processing time",
    sliding("2 seconds", "1 second", { time: "processing" }),
    { trigger: triggers.processingTime() },
    "general-window",
    {
      assigner: { kind: "sliding", sizeMs: 2_000, slideMs: 1_000, offsetMs: 0, time: "processing" },
      allowedLatenessMs: 0,
    },
  ],
  [
    "with a trigger and an evictor",
    global(),
    {
      trigger: triggers.purging(triggers.custom<Event>({ onRecord: () => "fire" })),
      evictor: evictors.count(3),
    },
    "general-window",
    {
      assigner: { kind: "global" },
      allowedLatenessMs: 0,
      trigger: { kind: "purging", of: { kind: "custom" } },
      evictor: { kind: "count", count: 3 },
    },
  ],
  [
    "by number of records",
    count(10, { slide: 5 }),
    {},
    "count-window",
    { assigner: { kind: "count", size: 10, slide: 5 } },
  ],
])(
  "windows %s go to the operator that can do them",
  (_what, ...[assigner, options, kind, planned]) => {
    expect(planOf(assigner, options)).toMatchObject({ kind, options: planned });
  },
);

test.each([
  ["in panes, with states of the key alone", {}, "window"],
  [
    "with a cell each, with states of their own",
    { windowState: { firings: state.value<number>() } },
    "general-window",
  ],
  ["with a cell each, with `onClear`", { onClear: () => {} }, "general-window"],
] as const)("a function's windows are kept %s", (_where, kept, kind) => {
  const job = defineJob("job", (to) => {
    const watermarks = { timestamp: () => 0 };
    to.source("events", elements<Event>([]), { watermarks })
      .keyBy(({ user }) => user)
      .window(tumbling("1 second"))
      .process("w", {
        globalState: { users: state.list<string>() },
        onWindow: () => {},
        ...kept,
      })
      .print();
  });
  const graph = job.build({ params: {}, baseDirectory: "/" });
  const operators = planJob(graph).vertices.flatMap((vertex) => vertex.operators);
  const planned = operators.find(({ name }) => name === "w");
  const globalState = { users: { kind: "list", version: 1 } };
  const own =
    "windowState" in kept ? { windowState: { firings: { kind: "value", version: 1 } } } : {};
  expect(planned).toMatchObject({ kind, options: { globalState, ...own } });
});

test.each<[WindowOptions<Event>, string]>([
  [{ lateTo: late }, "no record is late"],
  [{ trigger: triggers.count(2) }, "use window(global(), { trigger, evictor })"],
])("count windows refuse %j", (options, message) => {
  expect(() => planOf(count(3), options)).toThrow(message);
});

test("windows over all records run in one subtask, of a key that is null", () => {
  const job = defineJob("job", (to) => {
    const events = to.source("events", elements<Event>([]));
    events
      .windowAll(count(2))
      .process("pairs", {
        emits: type<string>(),
        onWindow: (records, ctx) => {
          ctx.emit(records.map(({ user }) => user).join());
        },
      })
      .print();
  });
  const { nodes } = job.build({ params: {}, baseDirectory: "/" });
  const node = nodes.find(({ name }) => name === "pairs");
  expect(node?.parallelism).toBe(1);
  const { spec } = nodes[node?.inputs[0] ?? -1] ?? {};
  expect(spec?.kind === "key-by" && spec.key({ user: "ann" })).toBeNull();
});

test("windows over all records refuse another parallelism", () => {
  const job = defineJob("job", (to) => {
    to.source("events", elements([1]))
      .windowAll(count(2))
      .count("n", { parallelism: 2 })
      .print();
  });
  expect(() => job.build({ params: {}, baseDirectory: "/" })).toThrow("windowAll(...) has one");
});

describe("topN", () => {
  interface Scored {
    readonly name: string;
    readonly score: number;
  }
  const { create, add, merge, result } = topN<Scored>(2, (a, b) => b.score - a.score);
  const topOf = (records: readonly Scored[]): Scored[] => {
    const top = create();
    for (const record of records) add(top, record);
    return top;
  };
  const [low, high, even] = [
    { name: "low", score: 1 },
    { name: "high", score: 3 },
    { name: "even", score: 3 },
  ];

  test("keeps the first of the order, and of equal ones those that came first", () => {
    expect(result(topOf([low, high, even, low]), details)).toEqual([high, even]);
  });

  test("of two parts is that of all", () => {
    const into = topOf([low]);
    merge(into, topOf([even, high]));
    expect(into).toEqual([even, high]);
  });

  test.each([0, 1.5, Number.NaN])("of %d records is refused", (size) => {
    expect(() => topN(size, () => 0)).toThrow("give a whole number above 0");
  });
});
