import { planJob } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import {
  defineJob,
  elements,
  outputTag,
  session,
  sliding,
  tumbling,
  type Job,
  type JoinInterval,
} from "./index.ts";

interface Event {
  readonly id: string;
  readonly at: number;
}

function planOf(write: (job: Job) => void) {
  return planJob(defineJob("joins", write).build({ params: {}, baseDirectory: "/" }));
}

function read(job: Job, name: string) {
  return job
    .source(name, elements<Event>([{ id: "a", at: 1 }]), {
      watermarks: { timestamp: ({ at }) => at },
    })
    .keyBy(({ id }) => id);
}

describe("an interval join", () => {
  test("is one operator with two keyed inputs; its bounds and its mode stand in the plan", () => {
    const plan = planOf((job) => {
      read(job, "left")
        .join(read(job, "right"))
        .within({ lower: "-5 minutes", upper: "10 s", upperExclusive: true })
        .outer("near", (left, right) => ({ left, right }))
        .print();
    });
    expect(plan.vertices.at(-1)?.operators[0]).toEqual({
      name: "near",
      nodeId: 4,
      kind: "join",
      isKeyed: true,
      hasState: true,
      options: {
        type: "interval",
        mode: "outer",
        lowerMs: -300_000,
        upperMs: 10_000,
        isLowerExclusive: false,
        isUpperExclusive: true,
      },
    });
    expect(plan.edges.map(({ to, input }) => [to, input])).toEqual([
      ["near", undefined],
      ["near", 1],
    ]);
  });

  test("gives late records to their tags", () => {
    const late = outputTag<Event>("late");
    const plan = planOf((job) => {
      const joined = read(job, "left")
        .join(read(job, "right"))
        .within({ lower: "0 s", upper: "1 s", lateLeftTo: late })
        .inner("near", ({ id }) => id);
      joined.print();
      joined.sideOutput(late).print("late", { name: "print-late" });
    });
    expect(plan.edges.some(({ from, tag }) => from === "near" && tag === "late")).toBe(true);
  });

  const refused: readonly (readonly [string, JoinInterval<Event, Event>, RegExp])[] = [
    [
      "bounds the wrong way round",
      { lower: "1 s", upper: "0 s" },
      /lower bound of 1000 ms is above/,
    ],
    [
      "nothing between its bounds",
      { lower: "1 s", upper: "1 s", lowerExclusive: true },
      /make both bounds inclusive/,
    ],
    ["half a millisecond", { lower: "0.5 ms", upper: "1 s" }, /lower bound of 0.5 ms is not whole/],
    ["a bound that is no duration", { lower: "-1e3 ms", upper: "1 s" }, /"1e3 ms" is not a number/],
  ];

  test.each(refused)("is refused with %s", (_what, bounds, message) => {
    expect(() =>
      planOf((job) => {
        const joined = read(job, "left").join(read(job, "right")).within(bounds);
        joined.inner("near", () => 1).print();
      }),
    ).toThrow(message);
  });

  test("is refused without event time, and with a stream of another job", () => {
    expect(() =>
      planOf((job) => {
        const timeless = job.source("in", elements([1])).keyBy((value) => value);
        timeless
          .join(timeless)
          .within({ lower: "0 s", upper: "1 s" })
          .inner("near", (left) => left)
          .print();
      }),
    ).toThrow(/operator near: a join needs event time, which source in does not give/);
    expect(() =>
      planOf((job) => {
        planOf((other) => void read(job, "left").join(read(other, "right")));
      }),
    ).toThrow(/join: the second stream belongs to another job/);
  });
});

describe("a window join", () => {
  test("is a window with two inputs, of any kind that ends by time", () => {
    const late = outputTag<Event>("late");
    const plan = planOf((job) => {
      const both = read(job, "left").join(read(job, "right"));
      const pairs = both
        .window(tumbling("10 s"), { allowedLateness: "1 s", lateTo: late })
        .inner("together", (left, right) => [left.at, right.at]);
      pairs.print();
      pairs.sideOutput(late).print("late", { name: "print-late" });
      both
        .window(session("10 s"))
        .coGroup("sessions", ({ left, right }) => [[left.length, right.length]])
        .print("sessions", { name: "print-sessions" });
    });
    const operators = plan.vertices.flatMap(({ operators: all }) => all);
    expect(operators.find(({ name }) => name === "together")).toMatchObject({
      kind: "window",
      options: { inputs: 2, allowedLatenessMs: 1_000, lateTag: "late" },
    });
    expect(operators.find(({ name }) => name === "sessions")).toMatchObject({
      kind: "general-window",
      options: { inputs: 2 },
    });
  });

  test("cannot be named by nothing", () => {
    expect(() =>
      planOf((job) => {
        const left = read(job, "left");
        const joined = left.join(left).window(sliding("10 s", "5 s"));
        // @ts-expect-error -- no name
        joined.coGroup(() => [1]);
      }),
    ).toThrow(/takes its name first/);
  });
});

describe("tables", () => {
  const users = (job: Job, name = "users") =>
    read(job, name).toTable(`${name}-rows`, { value: ({ at }) => (at < 0 ? null : { at }) });

  test("cost nothing but where they are read", () => {
    const plan = planOf((job) => {
      read(job, "orders")
        .joinAsOf(users(job))
        .left("enriched", (order, user) => ({ order, since: user?.at }))
        .print();
    });
    expect(plan.vertices.map(({ id }) => id)).toEqual(["orders", "users", "enriched"]);
    expect(plan.vertices.at(-1)?.operators[0]).toMatchObject({
      kind: "join",
      options: { type: "temporal", mode: "left" },
    });
  });

  test("are one operator where their changes are read, however often", () => {
    const plan = planOf((job) => {
      const table = users(job);
      table.toStream().print("once", { name: "once" });
      table.toStream().print("twice", { name: "twice" });
      table
        .mapValues(({ at }) => at)
        .filter((at) => at > 1)
        .toStream()
        .print("derived");
    });
    expect(plan.vertices.map(({ id }) => id).filter((id) => id === "users-rows")).toHaveLength(1);
  });

  test("joined are tables again, which keep the order of changes", () => {
    const plan = planOf((job) => {
      users(job, "a")
        .join(users(job, "b"))
        .inner("ab", (a, b) => a.at + b.at)
        .join(users(job, "c"))
        .outer("abc", (ab, c) => ({ ab, c }))
        .toStream()
        .print();
    });
    const options = plan.vertices.flatMap(({ operators }) =>
      operators.flatMap(({ kind, options: of }) => (kind === "join" ? [of] : [])),
    );
    expect(options).toEqual([
      { type: "tables", mode: "inner", orders: ["event-time", "event-time"] },
      { type: "tables", mode: "outer", orders: ["arrival", "event-time"] },
    ]);
  });

  test("derived rows are those of the function, also where they are joined", () => {
    const rows: unknown[] = [];
    const graph = defineJob("joins", (job) => {
      const table = users(job)
        .mapValues(({ at }) => at * 2)
        .filter((at) => at !== 4);
      table.toStream().print();
      read(job, "orders")
        .joinLatest(table)
        .inner("latest", (_order, at) => at)
        .print();
    }).build({ params: {}, baseDirectory: "/" });
    for (const { spec } of graph.nodes) {
      if (spec.kind !== "join" || spec.type !== "lookup") continue;
      for (const at of [-1, 1, 2, 3]) rows.push(spec.right.valueOf({ id: "a", at }));
    }
    expect(rows).toEqual([null, 2, null, 6]);
  });

  test("are refused with a table of another job, and as of a time that nobody gives", () => {
    expect(() =>
      planOf((job) => {
        planOf((other) => void read(job, "left").joinLatest(users(other)));
      }),
    ).toThrow(/join: the table belongs to another job/);
    expect(() =>
      planOf((job) => {
        planOf((other) => void users(job).join(users(other)));
      }),
    ).toThrow(/join: the second table belongs to another job/);
    expect(() =>
      planOf((job) => {
        const timeless = job.source("in", elements([1])).keyBy((value) => value);
        timeless
          .joinAsOf(timeless.toTable("rows"))
          .inner("as-of", (value) => value)
          .print();
      }),
    ).toThrow(/operator as-of: a join needs event time/);
  });
});
