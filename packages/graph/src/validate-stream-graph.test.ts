import { expect, test } from "vitest";

import type { TimeToLiveSpec } from "./state-spec.ts";
import type { JobSettings, OperatorSpec } from "./stream-graph.ts";
import { graphOf, refusalOf, specs, type TestNode } from "./test-graphs.ts";

const source: TestNode = { name: "in", spec: specs.source };
const sink: TestNode = { name: "out", inputs: ["in"], spec: specs.sink };

test("a source and a sink are a job", () => {
  expect(refusalOf(graphOf([source, sink]))).toEqual({ code: "accepted", message: "" });
});

const windowWith = (assigner: Extract<OperatorSpec, { kind: "window" }>["assigner"]) => [
  source,
  { name: "key", inputs: ["in"], spec: specs.keyBy },
  { name: "win", inputs: ["key"], spec: { ...specs.window, assigner } },
  { name: "out", inputs: ["win"], spec: specs.sink },
];

function processWith(ttl: TimeToLiveSpec): OperatorSpec {
  const last = { kind: "value", version: 1, ttl } as const;
  return { kind: "process", state: { last }, onRecord: () => {} };
}

/** The window operator with the spec, behind a source that gives event time, or none. */
const windowOf = (spec: OperatorSpec, from: OperatorSpec = specs.source) => [
  { name: "in", spec: from },
  { name: "key", inputs: ["in"], spec: specs.keyBy },
  { name: "win", inputs: ["key"], spec },
  { name: "out", inputs: ["win"], spec: specs.sink },
];

const { aggregate } = specs.window;
const general = {
  kind: "general-window",
  assigner: { kind: "session", gapMs: 10 },
  allowedLatenessMs: 0,
  aggregate,
} as const;
const byClock = { kind: "tumbling", sizeMs: 10, offsetMs: 0, time: "processing" } as const;

const cases: readonly (readonly [string, readonly TestNode[], RegExp])[] = [
  ["no operator", [], /test-job is empty: give it a source/],
  ["a name twice", [source, { ...sink, name: "in" }], /operator in: both a source and a sink/],
  ["a name with a space", [source, { ...sink, name: "my out" }], /"my out" is not a name/],
  ["a stream that nothing reads", [source], /operator in: nothing reads .* end it with sink/],
  [
    "an input that is not there",
    [source, { ...sink, inputs: ["no"] }],
    /operator out: its input -1/,
  ],
  [
    "a sink without input",
    [source, { ...sink, inputs: [] }],
    /out: a sink takes one input and has 0/,
  ],
  [
    "an operator behind a sink",
    [source, sink, { name: "more", inputs: ["out"], spec: specs.print }],
    /operator more: its input out is a sink, after which nothing comes/,
  ],
  [
    "a reduce without a key",
    [
      source,
      { name: "sum", inputs: ["in"], spec: specs.reduce },
      { name: "out", inputs: ["sum"], spec: specs.sink },
    ],
    /operator sum: a reduce keeps its state by key: put keyBy\(...\) directly before it/,
  ],
  ...["timers", "processing-time-timers"].map(
    (name) =>
      [
        `a state called ${name}`,
        [
          source,
          { name: "key", inputs: ["in"], spec: specs.keyBy },
          {
            name: "idle",
            inputs: ["key"],
            spec: { ...specs.process, state: { [name]: { kind: "value", version: 1 } } },
          },
          { name: "out", inputs: ["idle"], spec: specs.sink },
        ],
        /operator idle: a state may not be called "/,
      ] as const,
  ),
  ...(
    [
      [{ afterMs: 0, by: "processing-time" }, /state last has a time to live of 0 ms/],
      [{ afterMs: 5, by: "event-time" }, /the time to live of its state last needs event time/],
    ] as const
  ).map(
    ([ttl, text]) =>
      [
        `a time to live of ${ttl.afterMs} ms by ${ttl.by} without event time`,
        [
          { name: "in", spec: specs.timeless },
          { name: "key", inputs: ["in"], spec: specs.keyBy },
          { name: "idle", inputs: ["key"], spec: processWith({ ...ttl, refresh: "write" }) },
          { name: "out", inputs: ["idle"], spec: specs.sink },
        ],
        text,
      ] as const,
  ),
  [
    "more parallelism than key groups",
    [source, { ...sink, parallelism: 129 }],
    /operator out: parallelism 129 .* 1 to the max parallelism 128/,
  ],
  ["half a subtask", [source, { ...sink, parallelism: 0.5 }], /operator out: parallelism 0.5/],
  [
    "a window without event time",
    [
      { name: "in", spec: specs.timeless },
      { name: "map-1", inputs: ["in"], spec: specs.map },
      { name: "key", inputs: ["map-1"], spec: specs.keyBy },
      { name: "win", inputs: ["key"], spec: specs.window },
      { name: "out", inputs: ["win"], spec: specs.sink },
    ],
    /operator win: .* source in does not give: add `watermarks/,
  ],
  [
    "one input where there are two",
    [
      source,
      { name: "key", inputs: ["in"], spec: specs.keyBy },
      { name: "both", inputs: ["key"], spec: specs.connected },
      { name: "out", inputs: ["both"], spec: specs.sink },
    ],
    /operator both: a process takes two inputs and has 1/,
  ],
  [
    "a side output of what has none",
    [
      source,
      { name: "side", inputs: ["in"], spec: specs.sideOutput },
      { name: "out", inputs: ["side"], spec: specs.sink },
    ],
    /operator side: its input in is a source, which emits to no tag/,
  ],
  [
    "a tag that is no name",
    [
      source,
      { name: "key", inputs: ["in"], spec: specs.keyBy },
      { name: "check", inputs: ["key"], spec: specs.process },
      { name: "side", inputs: ["check"], spec: { kind: "side-output", tag: "too late" } },
      { name: "out", inputs: ["side"], spec: specs.sink },
    ],
    /operator side: the tag "too late" is not a name/,
  ],
  [
    "an empty window",
    windowWith({ kind: "tumbling", sizeMs: 0, offsetMs: 0 }),
    /operator win: the window's size of 0 ms/,
  ],
  [
    "windows with gaps",
    windowWith({ kind: "sliding", sizeMs: 1_000, slideMs: 2_000, offsetMs: 0 }),
    /operator win: the slide of 2000 ms is longer/,
  ],
  [
    "windows in panes of processing time",
    windowOf({ ...specs.window, assigner: byClock }),
    /operator win: windows in panes go by event time: leave `time` out/,
  ],
  [
    "a session without gap",
    windowOf({ ...general, assigner: { kind: "session", gapMs: 0 } }),
    /gap/,
  ],
  [
    "sessions without event time",
    windowOf(general, specs.timeless),
    /operator win: .* source in does not give: add `watermarks/,
  ],
  [
    "lateness in processing time",
    windowOf({ ...general, assigner: byClock, lateTag: "late" }, specs.timeless),
    /operator win: nothing is late for windows of processing time/,
  ],
  [
    "the watermark's end of windows of processing time",
    windowOf({ ...general, assigner: byClock, trigger: { kind: "event-time" } }),
    /operator win: .* use triggers.processingTime\(\)/,
  ],
  [
    "a trigger that forgets to merge",
    windowOf({ ...general, trigger: { kind: "custom", onRecord: () => "fire" } }),
    /operator win: session windows merge, so their trigger needs `merge`/,
  ],
  [
    "a trigger of no records",
    windowOf({ ...general, trigger: { kind: "purging", of: { kind: "count", count: 0 } } }),
    /operator win: the trigger's count of 0/,
  ],
  [
    "an evictor by a time that records do not have",
    windowOf(
      { ...general, assigner: { kind: "global" }, evictor: { kind: "time", keepMs: 5 } },
      specs.timeless,
    ),
    /operator win: .* add `watermarks/,
  ],
  [
    "count windows with gaps",
    windowOf({ kind: "count-window", assigner: { kind: "count", size: 2, slide: 3 }, aggregate }),
    /operator win: the slide of 3 records is longer than the window of 2/,
  ],
  [
    "a window of very many panes",
    windowWith({ kind: "sliding", sizeMs: 3_600_000, slideMs: 7, offsetMs: 0 }),
    /operator win: a window has 3600000 panes, more than 2000/,
  ],
  [
    "connector options that JSON loses",
    [
      {
        name: "in",
        spec: {
          ...specs.source,
          connector: {
            ...specs.source.connector,
            options: { retry: [() => 1] } as never,
          },
        },
      },
      sink,
    ],
    /operator in: .* `?\.retry\[0\] is a function: give plain values/,
  ],
  [
    "a rate of nothing",
    [{ name: "in", spec: { ...specs.source, rateLimit: 0 } }, sink],
    /operator in: rateLimit 0/,
  ],
];

test.each<[string, OperatorSpec]>([
  ["of processing time", { ...general, assigner: byClock }],
  ["over all of time", { ...general, assigner: { kind: "global" } }],
  ["by count", { kind: "count-window", assigner: { kind: "count", size: 3, slide: 2 }, aggregate }],
])("windows %s need no event time", (_what, spec) => {
  expect(refusalOf(graphOf(windowOf(spec, specs.timeless)))).toMatchObject({ code: "accepted" });
});

test.each(cases)("refused: %s", (_what, nodes, message) => {
  const refusal = refusalOf(graphOf(nodes));
  expect(refusal.code).toBe("job-module-invalid");
  expect(refusal.message).toMatch(message);
});

const settings: readonly (readonly [JobSettings, RegExp])[] = [
  [{ parallelism: 0 }, /parallelism is 0/],
  [{ maxParallelism: 40_000 }, /maxParallelism is 40000: give it a whole number from 1 to 32768/],
  [{ maxParallelism: 4, parallelism: 5 }, /parallelism is 5: .* from 1 to 4/],
  [{ checkpoint: { intervalMs: 0 } }, /checkpoint interval \(ms\) is 0/],
  [{ checkpoint: { retainedCount: 0 } }, /retained checkpoints is 0/],
];

test.each(settings)("refused settings: %j", (given, message) => {
  expect(refusalOf(graphOf([source, sink], given)).message).toMatch(message);
});

test("an operator more than the limit is refused", () => {
  const many = Array.from({ length: 500 }, (_, index) => ({
    name: `log-${index}`,
    inputs: ["in"],
    spec: specs.print,
  }));
  expect(refusalOf(graphOf([source, ...many])).message).toMatch(/501 operators, more than 500/);
});
