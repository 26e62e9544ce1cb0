import {
  count,
  defineJob,
  elements,
  evictors,
  global,
  session,
  sliding,
  state,
  triggers,
  tumbling,
  type,
  type Job,
} from "@millrace/api";
import { silentLogger, type Clock, type LocalDisk } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { interpret } from "./interpret.ts";

async function run(write: (job: Job) => void): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const graph = defineJob("job", write).build({ params: {}, baseDirectory: "/" });
  return interpret(graph, ({ name }) => ({
    jobId: "job",
    operatorName: name,
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    disk: {} as LocalDisk,
    clock: {} as Clock,
    logger: silentLogger,
  }));
}

interface Event {
  readonly user: string;
  readonly at: number;
}

const events: readonly Event[] = [
  { user: "ann", at: 1 },
  { user: "bob", at: 12 },
  { user: "ann", at: 7 },
  { user: "ann", at: 25 },
];

function read(job: Job) {
  return job.source("events", elements(events), { watermarks: { timestamp: ({ at }) => at } });
}

test("stateless operators, unions and several consumers give each sink all of its records", async () => {
  const sinks = await run((job) => {
    const numbers = job.source("numbers", elements([1, 2, 3]));
    const doubled = numbers.map((value) => value * 2);
    doubled.filter((value) => value > 2).sink("large", nowhere);
    numbers
      .union(doubled)
      .flatMap((value, emit) => {
        emit(value);
        return [-value];
      })
      .sink("all", nowhere);
  });
  expect(sinks.get("large")).toEqual([4, 6]);
  expect(sinks.get("all")).toEqual([1, -1, 2, -2, 3, -3, 2, -2, 4, -4, 6, -6]);
});

test("a running sum has a result for each record of a key", async () => {
  const sinks = await run((job) => {
    job
      .source("letters", elements(["a", "b", "c", "a"]))
      .keyBy((letter) => letter)
      .count("counts")
      .sink("out", nowhere);
  });
  expect(sinks.get("out")).toEqual([
    { key: "a", value: 1 },
    { key: "a", value: 2 },
    { key: "b", value: 1 },
    { key: "c", value: 1 },
  ]);
});

describe("windows hold all of their records, however late", () => {
  test("tumbling", async () => {
    const sinks = await run((job) => {
      read(job)
        .keyBy(({ user }) => user)
        .window(tumbling("10 ms"))
        .count("n")
        .sink("out", nowhere);
    });
    expect(sinks.get("out")).toEqual([
      { key: "ann", window: { start: 0, end: 10 }, value: 2 },
      { key: "ann", window: { start: 20, end: 30 }, value: 1 },
      { key: "bob", window: { start: 10, end: 20 }, value: 1 },
    ]);
  });

  test("sliding", async () => {
    const sinks = await run((job) => {
      read(job)
        .filter(({ user }) => user === "ann")
        .keyBy(({ user }) => user)
        .window(sliding("10 ms", "5 ms"))
        .max("latest", ({ at }) => at)
        .map(({ window, value }) => [window.start, value])
        .sink("out", nowhere);
    });
    expect(sinks.get("out")).toEqual(
      expect.arrayContaining([
        [-5, 1],
        [0, 7],
        [5, 7],
        [20, 25],
        [25, 25],
      ]),
    );
    expect(sinks.get("out")).toHaveLength(5);
  });
});

describe("windows that are not aligned", () => {
  const numbers = [1, 2, 3, 4, 5].map((n) => ({ user: "ann", at: n }));
  let sourceCount = 0;
  const source = (job: Job) =>
    job
      .source(`numbers-${(sourceCount += 1)}`, elements(numbers), {
        watermarks: { timestamp: ({ at }) => at },
      })
      .keyBy(({ user }) => user);
  const values = (records: readonly Event[]): string => records.map(({ at }) => at).join("");
  const collected = {
    emits: type<string>(),
    onWindow: (records: readonly Event[], ctx: { emit(text: string): void }) => {
      ctx.emit(values(records));
    },
  };

  test("sessions that touch are one", async () => {
    const sinks = await run((job) => {
      read(job)
        .keyBy(({ user }) => user)
        .window(session("6 ms"))
        .count("n")
        .sink("out", nowhere);
    });
    expect(sinks.get("out")).toEqual([
      { key: "ann", window: { start: 1, end: 13 }, value: 2 },
      { key: "ann", window: { start: 25, end: 31 }, value: 1 },
      { key: "bob", window: { start: 12, end: 18 }, value: 1 },
    ]);
  });

  test("windows by count, over all of time, with triggers and evictors", async () => {
    const sinks = await run((job) => {
      source(job)
        .window(count(3, { slide: 2 }))
        .process("counted", collected)
        .sink("counted-out", nowhere);
      source(job).window(global()).process("all", collected).sink("all-out", nowhere);
      source(job)
        .window(tumbling("100 ms"), { trigger: triggers.purging(triggers.count(2)) })
        .process("pairs", collected)
        .sink("pairs-out", nowhere);
      source(job)
        .window(global(), { evictor: evictors.time("2 ms") })
        .process("newest", collected)
        .sink("newest-out", nowhere);
    });
    expect(Object.fromEntries(sinks)).toEqual({
      "counted-out": ["12", "234"],
      "all-out": ["12345"],
      "pairs-out": ["12", "34"],
      "newest-out": ["45"],
    });
  });
});

test("timers fire between the records of their key, in the order of event time", async () => {
  const sinks = await run((job) => {
    read(job)
      .keyBy(({ user }) => user)
      .process("idle", {
        emits: type<{ user: string; idleSince: number }>(),
        state: { last: state.value<number>() },
        onRecord(event, ctx) {
          ctx.state.last.set(event.at);
          ctx.timers.atEventTime(event.at + 10);
        },
        onTimer(time, ctx) {
          if (ctx.state.last.get() === time - 10) ctx.emit({ user: ctx.key, idleSince: time });
        },
      })
      .sink("out", nowhere);
  });
  expect(sinks.get("out")).toEqual([
    { user: "ann", idleSince: 17 },
    { user: "ann", idleSince: 35 },
    { user: "bob", idleSince: 22 },
  ]);
});
