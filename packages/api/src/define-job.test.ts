import { canonicalPlanJson, planJob, type StreamGraph } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { defineJob, elements, sliding, state, tumbling, type Job } from "./index.ts";

function buildGraph(write: Parameters<typeof defineJob>[1], params = {}): StreamGraph {
  return defineJob("test-job", write).build({ params, baseDirectory: "/base" });
}

function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return "nothing was thrown";
}

test("the job of the textbooks becomes a plan: key, sum, print, a checkpoint every ten seconds", () => {
  const plan = planJob(
    buildGraph((job) => {
      job.defaults({ checkpoint: { interval: "10 seconds" } });
      job
        .source("letters", elements(["a", "b", "c", "a"]), { rateLimit: 1 })
        .map((letter) => ({ letter, count: 1 }))
        .keyBy(({ letter }) => letter)
        .sum("counts", ({ count }) => count)
        .print();
    }),
  );
  expect(plan.vertices.map(({ operators }) => operators.map(({ name }) => name))).toEqual([
    ["letters", "map-1"],
    ["counts", "print-4"],
  ]);
  expect(plan.edges).toEqual([
    { index: 0, from: "letters", to: "counts", partitioning: { kind: "hash", keyNodeId: 2 } },
  ]);
  expect(plan.settings.checkpoint.intervalMs).toBe(10_000);
  expect(plan.vertices[0]?.operators[0]?.options).toMatchObject({ rateLimit: 1, canReplay: true });
});

test("building twice gives the same plan text", () => {
  const job = defineJob("twice", (to) => {
    const words = to.source("words", elements(["x"]), {
      watermarks: { timestamp: () => 0, outOfOrderness: "1 minute" },
    });
    words.union(words.rebalance()).print("all");
    words
      .keyBy((word) => word)
      .window(sliding("10 seconds", "2 seconds"), { allowedLateness: "1 second" })
      .count("per-window")
      .print("windows");
  });
  const input = { params: {}, baseDirectory: "/base" };
  const [first, second] = [job.build(input), job.build(input)].map((graph) =>
    canonicalPlanJson(planJob(graph)),
  );
  expect(first).toBe(second);
  expect(first).toContain(
    '"assigner":{"kind":"sliding","offsetMs":0,"sizeMs":10000,"slideMs":2000}',
  );
});

test("connectors complete their options with the directory that the job is built in", () => {
  const directories: string[] = [];
  buildGraph((job) => {
    job
      .source("in", {
        createSource: ({ baseDirectory }) => {
          directories.push(baseDirectory);
          return elements([1]);
        },
      })
      .print();
  });
  expect(directories).toEqual(["/base"]);
});

test("parameters arrive by name", () => {
  const seen: unknown[] = [];
  buildGraph((_job, params) => seen.push(params["limit"]), { limit: 3 });
  expect(seen).toEqual([3]);
});

test("the definition is plain data with the version of the API", () => {
  const definition = defineJob("plain", () => {});
  expect(Object.getPrototypeOf(definition)).toBe(Object.prototype);
  expect(definition).toMatchObject({ millraceJob: 1, name: "plain" });
});

test("an operator's own parallelism and the job's defaults are kept apart", () => {
  const graph = buildGraph((job) => {
    job.defaults({ parallelism: 3, checkpoint: { interval: "1 s", retained: 5 } });
    job.defaults({ checkpoint: { interval: "2 s" }, restart: { maxFailures: 1 } });
    job.source("in", elements([1]), { parallelism: 1 }).print();
  });
  expect(graph.nodes.map(({ parallelism }) => parallelism)).toEqual([1, undefined]);
  expect(graph.settings).toEqual({
    parallelism: 3,
    checkpoint: { intervalMs: 2_000, retainedCount: 5 },
    restart: { maxFailures: 1 },
  });
});

test("a slot sharing group is that of the operator that returned the stream, or of the end", () => {
  const graph = buildGraph((job) => {
    const numbers = job.source("in", elements([1])).slotSharingGroup("light");
    const more = numbers.map((n) => n + 1).slotSharingGroup("heavy");
    more.print("", { slotSharingGroup: "light" });
    more.print("", { slotSharingGroup: "default" });
    more.print();
  });
  expect(graph.nodes.map(({ slotSharingGroup }) => slotSharingGroup)).toEqual([
    "light",
    "heavy",
    "light",
    "default",
    undefined,
  ]);
});

test("process state goes into the graph without what only types use", () => {
  const graph = buildGraph((job) => {
    job
      .source("in", elements(["a"]))
      .keyBy((word) => word)
      .process("p", { state: { n: state.value<number>({ version: 2 }) }, onRecord() {} })
      .print();
  });
  expect(graph.nodes[2]?.spec).toMatchObject({ state: { n: { kind: "value", version: 2 } } });
  expect(planJob(graph).vertices[1]?.operators[0]?.options).toEqual({
    state: { n: { kind: "value", version: 2 } },
    hasTimers: false,
  });
});

test("the plan says which aggregates senders may combine, and by which version", () => {
  const graph = buildGraph((job) => {
    const keyed = job
      .source("in", elements([{ key: "a", atMs: 1 }]), {
        watermarks: { timestamp: ({ atMs }) => atMs, outOfOrderness: "1 s" },
      })
      .keyBy(({ key }) => key);
    const select = ({ atMs }: { readonly atMs: number }): number => atMs;
    const last = <T>(_value: T, record: T): T => record;
    keyed.count("each").print();
    keyed.count("count", { combine: true }).print();
    keyed.sum("sum", select, { combine: true }).print();
    keyed.min("min", select, { combine: true }).print();
    keyed.max("max", select, { combine: true }).print();
    keyed.reduce("last", last, { combine: true }).print();
    const windows = keyed.window(tumbling("1 s"));
    windows.count("window-count").print();
    windows.count("window-alone", { combine: false }).print();
    windows.reduce("window-each", last).print();
    windows.reduce("window-last", last, { combine: true }).print();
    keyed.window(tumbling("1 s"), { allowedLateness: "1 s" }).count("window-late").print();
  });
  const combined = planJob(graph)
    .vertices.flatMap(({ operators }) => operators)
    .filter(({ options }) => JSON.stringify(options).includes('"combining":1'));
  expect(combined.map(({ name }) => name)).toEqual([
    "count",
    "sum",
    "min",
    "max",
    "last",
    "window-count",
    "window-last",
  ]);
});

test.each([
  ["count", [2, 3], 5],
  ["sum", [2, 3], 5],
  ["min", [2, 3], 2],
  ["max", [2, 3], 3],
  ["reduce", [2, 3], 23],
])("two values of %s become one", (name, [left, right], merged) => {
  const graph = buildGraph((job) => {
    const keyed = job.source("in", elements([1])).keyBy((value) => value);
    const select = (value: number): number => value;
    keyed.count("count", { combine: true }).print();
    keyed.sum("sum", select, { combine: true }).print();
    keyed.min("min", select, { combine: true }).print();
    keyed.max("max", select, { combine: true }).print();
    keyed.reduce("reduce", (one, other) => one * 10 + other, { combine: true }).print();
  });
  const spec = graph.nodes.find((node) => node.name === name)?.spec;
  expect(spec?.kind === "reduce" ? spec.merge?.(left, right) : undefined).toBe(merged);
});

describe("refused", () => {
  test("what the author's function throws, with its cause", () => {
    const cause = new TypeError("boom");
    expect(
      codeOf(() =>
        buildGraph(() => {
          throw cause;
        }),
      ),
    ).toMatchObject({
      code: "job-module-failed",
      domain: "user",
      message: "job test-job: its function threw while it was built: boom",
      cause,
    });
  });

  test("an async function", () => {
    // A function that returns a promise is a function that returns nothing, to the compiler.
    const write = (() => Promise.resolve()) as () => void;
    expect(codeOf(() => buildGraph(write))).toMatchObject({
      code: "job-module-invalid",
      message: expect.stringContaining("its function is async"),
    });
  });

  test("a change after the function has returned", () => {
    let kept: Job | undefined;
    buildGraph((job) => {
      kept = job;
      job.source("in", elements([1])).print();
    });
    expect(codeOf(() => kept?.source("late", elements([1])))).toMatchObject({
      code: "job-module-invalid",
      message: expect.stringContaining("after its function had returned"),
    });
  });

  test("a stream of another job in a union", () => {
    buildGraph((one) => {
      const foreign = one.source("one", elements([1]));
      const refusal = codeOf(() =>
        buildGraph((two) =>
          two
            .source("two", elements([1]))
            .union(foreign)
            .print(),
        ),
      );
      expect(refusal).toMatchObject({ message: expect.stringContaining("belongs to another job") });
      foreign.print();
    });
  });

  test("elements that are not JSON, by name", () => {
    expect(codeOf(() => elements([{ at: new Date(0) }]))).toMatchObject({
      code: "job-module-invalid",
      message: expect.stringContaining("[0].at is an instance of Date"),
    });
  });

  test("a duration without a unit", () => {
    expect(codeOf(() => tumbling("soon" as "1 s"))).toMatchObject({ code: "invalid-argument" });
  });
});
