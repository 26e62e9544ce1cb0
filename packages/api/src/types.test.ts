import type { JobDefinition, SinkConnector, SourceConnector } from "@millrace/graph";
import { describe, expect, expectTypeOf, test } from "vitest";

import {
  defineJob,
  elements,
  minutes,
  outputTag,
  sliding,
  state,
  tumbling,
  type,
  type DataStream,
  type Job,
} from "./index.ts";

// `tsc -b` compiles this file: an unused `@ts-expect-error` fails the build, so each of them proves
// that the line below it does not compile.

interface Flight {
  readonly origin: string;
  readonly delay: number;
  readonly at: number;
}

function sinkOf<T>(): SinkConnector<T> {
  return {
    connector: "none",
    options: null,
    guarantee: "exactly-once",
    createWriter: () => {
      throw new Error("tests of types write nothing");
    },
  };
}

function flights(job: Job): DataStream<Flight> {
  const input: readonly Flight[] = [{ origin: "OSL", delay: 5, at: 0 }];
  return job.source("flights", elements(input), {
    watermarks: { timestamp: (flight) => flight.at },
  });
}

function build(definition: JobDefinition): unknown {
  return definition.build({ params: {}, baseDirectory: "/base" });
}

function buildJob(write: (job: Job) => void): () => unknown {
  return () => build(defineJob("types", write));
}

describe("what has state takes its name first, in the compiler and without it", () => {
  const unnamed = expect.objectContaining({
    code: "job-module-invalid",
    message: expect.stringContaining("takes its name first"),
  });

  test("a source", () => {
    expect(
      buildJob((job) => {
        // @ts-expect-error -- no name
        job.source(elements([1])).print();
      }),
    ).toThrow(unnamed);
  });

  test("a sink", () => {
    expect(
      buildJob((job) => {
        // @ts-expect-error -- no name
        flights(job).sink(sinkOf<Flight>());
      }),
    ).toThrow(unnamed);
  });

  test("a running aggregate", () => {
    expect(
      buildJob((job) => {
        const keyed = flights(job).keyBy((flight) => flight.origin);
        // @ts-expect-error -- no name
        keyed.sum((flight) => flight.delay);
      }),
    ).toThrow(unnamed);
    expect(
      buildJob((job) => {
        const keyed = flights(job).keyBy((flight) => flight.origin);
        // @ts-expect-error -- no name
        keyed.count();
      }),
    ).toThrow(unnamed);
    expect(
      buildJob((job) => {
        const keyed = flights(job).keyBy((flight) => flight.origin);
        // @ts-expect-error -- no name
        keyed.reduce((left: Flight) => left);
      }),
    ).toThrow(unnamed);
  });

  test("a window", () => {
    expect(
      buildJob((job) => {
        const hours = flights(job)
          .keyBy((flight) => flight.origin)
          .window(tumbling("1 hour"));
        // @ts-expect-error -- no name
        hours.aggregate({ create: () => 0, add: () => 0, merge: () => 0, result: () => 0 });
      }),
    ).toThrow(unnamed);
  });

  test("a process function", () => {
    expect(
      buildJob((job) => {
        const keyed = flights(job).keyBy((flight) => flight.origin);
        // @ts-expect-error -- no name
        keyed.process({ onRecord() {} });
      }),
    ).toThrow(unnamed);
  });
});

test("a sink of another record type does not compile", () => {
  const run = buildJob((job) => {
    const stream = flights(job);
    stream.sink("same", sinkOf<Flight>());
    stream.sink("fewer-fields", sinkOf<{ readonly origin: string }>());
    // @ts-expect-error -- a number is no flight
    stream.sink("number", sinkOf<number>());
    // @ts-expect-error -- the sink needs a field that flights do not have
    stream.sink("more-fields", sinkOf<Flight & { readonly destination: string }>());
    // @ts-expect-error -- and so behind a factory
    stream.sink("factory", { createSink: () => sinkOf<{ readonly gate: string }>() });
  });
  expect(run).not.toThrow();
});

test("key, window result and sink types are inferred", () => {
  buildJob((job) => {
    const hourly = flights(job)
      .keyBy((flight) => flight.origin)
      .window(tumbling("1 hour"))
      .aggregate("hourly", {
        create: () => ({ flights: 0, minutes: 0 }),
        add: (sum, flight) => {
          sum.flights += 1;
          sum.minutes += flight.delay;
        },
        merge: (sum, other) => {
          sum.flights += other.flights;
          sum.minutes += other.minutes;
        },
        result: (sum, { key, window }) => ({
          airport: key,
          hour: window.start,
          mean: sum.minutes / sum.flights,
        }),
      });
    expectTypeOf(hourly).toEqualTypeOf<
      DataStream<{ airport: string; hour: number; mean: number }>
    >();
    hourly.sink("hours", sinkOf());
    hourly.sink("right", sinkOf<{ readonly airport: string; readonly mean: number }>());
    // @ts-expect-error -- the result has no field `median`
    hourly.map((hour) => hour.median).print();
    // @ts-expect-error -- the key is a string
    hourly.sink("wrong", sinkOf<{ readonly airport: number }>());
  });
});

test("a wrong field anywhere in a window aggregate does not compile", () => {
  const run = buildJob((job) => {
    const hours = flights(job)
      .keyBy((flight) => flight.origin)
      .window(sliding("1 hour", "10 minutes"));
    hours.aggregate("in-add", {
      create: () => ({ total: 0 }),
      add: (sum, flight) => {
        // @ts-expect-error -- a flight has no distance
        sum.total += flight.distance;
      },
      merge: () => {},
      result: (sum) => sum.total,
    });
    hours.aggregate("in-result", {
      create: () => ({ total: 0 }),
      add: () => {},
      merge: () => {},
      // @ts-expect-error -- the accumulator has no count
      result: (sum) => sum.count,
    });
  });
  expect(run).not.toThrow();
});

test("state is typed, deeply readonly, and limited to what is declared", () => {
  buildJob((job) => {
    const idle = flights(job)
      .keyBy((flight) => flight.origin)
      .process("idle", {
        emits: type<{ origin: string; since: number }>(),
        state: { last: state.value<number>(), seen: state.value<{ delays: number[] }>() },
        onRecord(flight, ctx) {
          expectTypeOf(ctx.key).toEqualTypeOf<string>();
          expectTypeOf(ctx.state.last.get()).toEqualTypeOf<number | undefined>();
          ctx.state.last.set(flight.at);
          // @ts-expect-error -- the state is a number
          ctx.state.last.set("now");
          // @ts-expect-error -- what is read is not changed
          ctx.state.seen.get()?.delays.push(1);
          ctx.state.seen.update((seen) => ({ delays: [...(seen?.delays ?? []), flight.delay] }));
          // @ts-expect-error -- no such state
          ctx.state.first.get();
          ctx.timers.atEventTime(flight.at + minutes(30));
          ctx.timers.atProcessingTime(ctx.processingTime() + minutes(30));
          ctx.timers.cancel(flight.at, "processing-time");
          // @ts-expect-error -- a record waits for nothing
          ctx.timeDomain.toString();
        },
        onTimer(time, ctx) {
          expectTypeOf(ctx.timeDomain).toEqualTypeOf<"event-time" | "processing-time">();
          ctx.emit({ origin: ctx.key, since: time });
          // @ts-expect-error -- `since` is a number
          ctx.emit({ origin: ctx.key, since: "now" });
        },
      });
    expectTypeOf(idle).toEqualTypeOf<DataStream<{ origin: string; since: number }>>();
  });
});

test("a side output carries what its tag says", () => {
  buildJob((job) => {
    const late = outputTag<{ origin: string; by: number }>("late");
    const checked = flights(job)
      .keyBy((flight) => flight.origin)
      .process("check", {
        onRecord(flight, ctx) {
          ctx.emitTo(late, { origin: ctx.key, by: flight.delay });
          // @ts-expect-error -- `by` is a number
          ctx.emitTo(late, { origin: ctx.key, by: "much" });
        },
      });
    expectTypeOf(checked.sideOutput(late)).toEqualTypeOf<
      DataStream<{ origin: string; by: number }>
    >();
  });
});

test("connected streams have keys of one type and a function for each", () => {
  buildJob((job) => {
    const byOrigin = flights(job).keyBy((flight) => flight.origin);
    const names = job.source("names", elements([{ code: "AUS", name: "Austin" }]));
    const named = byOrigin.connect(names.keyBy((one) => one.code)).process("names", {
      emits: type<{ name: string; delay: number }>(),
      state: { name: state.value<string>() },
      onFirst(flight, ctx) {
        ctx.emit({ name: ctx.state.name.get() ?? ctx.key, delay: flight.delay });
        // @ts-expect-error -- a flight has no name
        ctx.state.name.set(flight.name);
      },
      onSecond(one, ctx) {
        expectTypeOf(one).toEqualTypeOf<{ code: string; name: string }>();
        ctx.state.name.set(one.name);
      },
    });
    expectTypeOf(named).toEqualTypeOf<DataStream<{ name: string; delay: number }>>();
    // @ts-expect-error -- keys of another type never meet
    byOrigin.connect(names.keyBy((one) => one.name.length));
  });
});

test("without `emits` a process function emits nothing", () => {
  const run = buildJob((job) => {
    flights(job)
      .keyBy((flight) => flight.origin)
      .process("silent", {
        onRecord(flight, ctx) {
          // @ts-expect-error -- nothing can be emitted
          ctx.emit(flight);
        },
      });
  });
  expect(run).not.toThrow();
});

test("durations need a unit, keys an encoding, and guards narrow", () => {
  buildJob((job) => {
    // @ts-expect-error -- an hour is "1 hour"
    tumbling("1");
    // @ts-expect-error -- no such unit
    tumbling("1 fortnight");
    const stream = job.source("mixed", elements([1, "a"]));
    // @ts-expect-error -- undefined is no key
    stream.keyBy(() => undefined);
    // @ts-expect-error -- a function is no key
    stream.keyBy(() => () => 1);
    expectTypeOf(stream.filter((value) => typeof value === "string")).toEqualTypeOf<
      DataStream<string>
    >();
    const bySeveral = stream.keyBy((value) => ({ kind: typeof value, date: new Date(0) }));
    expectTypeOf(bySeveral.count("n")).toExtend<
      DataStream<{ readonly key: { date: Date }; readonly value: number }>
    >();
  });
});

test("a source says what its records are, from connector, factory or async iterable", () => {
  buildJob((job) => {
    const connector: SourceConnector<Flight> = elements<Flight>([]);
    expectTypeOf(job.source("a", connector)).toEqualTypeOf<DataStream<Flight>>();
    const made = job.source("b", { createSource: () => connector });
    expectTypeOf(made).toEqualTypeOf<DataStream<Flight>>();
    async function* count(): AsyncGenerator<number> {
      yield* [1, 2];
    }
    expectTypeOf(job.source("c", count)).toEqualTypeOf<DataStream<number>>();
  });
});
