import { describe, expectTypeOf, test } from "vitest";

import {
  count,
  defineJob,
  elements,
  evictors,
  global,
  outputTag,
  session,
  state,
  topN,
  triggers,
  tumbling,
  type,
  type DataStream,
  type Job,
  type KeyedStream,
  type TimeWindow,
} from "./index.ts";

// `tsc -b` compiles this file: an unused `@ts-expect-error` fails the build.

interface Click {
  readonly user: string;
  readonly gapMs: number;
}

function clicks(job: Job): KeyedStream<Click, string> {
  return job
    .source("clicks", elements<Click>([]), { watermarks: { timestamp: () => 0 } })
    .keyBy((click) => click.user);
}

function write(job: (job: Job) => void): void {
  defineJob("types", job).build({ params: {}, baseDirectory: "/" });
}

describe("windows know their records", () => {
  test("the gap of a session is a function of them", () => {
    write((job) => {
      const counts = clicks(job)
        .window(session((click) => click.gapMs))
        .count("n");
      expectTypeOf(counts).toEqualTypeOf<
        DataStream<{ readonly key: string; readonly window: TimeWindow; readonly value: number }>
      >();
      // @ts-expect-error -- there is no such field
      clicks(job).window(session((click) => click.nothing));
      // @ts-expect-error -- a gap is in milliseconds
      clicks(job).window(session((click) => click.user));
    });
  });

  test("a process function gets all of them, or what an aggregate made of them", () => {
    write((job) => {
      const windowed = clicks(job).window(global());
      const users = windowed.process("users", {
        emits: type<string>(),
        onWindow(records, ctx) {
          expectTypeOf(records).toEqualTypeOf<readonly Click[]>();
          expectTypeOf(ctx.key).toEqualTypeOf<string>();
          ctx.emit(ctx.key);
          // @ts-expect-error -- it emits strings
          ctx.emit(1);
        },
      });
      expectTypeOf(users).toEqualTypeOf<DataStream<string>>();
      windowed.process("sums", {
        aggregate: {
          create: () => ({ sum: 0 }),
          add: (total, click) => {
            total.sum += click.gapMs;
          },
          merge: (into, from) => {
            into.sum += from.sum;
          },
        },
        onWindow(total) {
          expectTypeOf(total).toEqualTypeOf<{ sum: number }>();
        },
      });
    });
  });

  test("a process function has the states that it declares, and no others", () => {
    write((job) => {
      const firings = clicks(job)
        .window(tumbling("1 second"))
        .process("firings", {
          emits: type<number>(),
          windowState: { firings: state.value<number>() },
          globalState: { users: state.map<string, number>({ ttl: "1 hour" }) },
          onWindow(records, ctx) {
            expectTypeOf(records).toEqualTypeOf<readonly Click[]>();
            expectTypeOf(ctx.windowState.firings.get()).toEqualTypeOf<number | undefined>();
            expectTypeOf(ctx.globalState.users.get("a")).toEqualTypeOf<number | undefined>();
            expectTypeOf(ctx.processingTime()).toEqualTypeOf<number>();
            // @ts-expect-error -- it is not declared
            expectTypeOf(ctx.globalState.firings).toBeAny();
            ctx.windowState.firings.set(1);
            // @ts-expect-error -- it holds numbers
            ctx.windowState.firings.set("1");
            ctx.emit(1);
          },
          onClear(ctx) {
            expectTypeOf(ctx.windowState.firings.get()).toEqualTypeOf<number | undefined>();
            // @ts-expect-error -- nothing follows a window that is over
            expectTypeOf(ctx.emit).toBeAny();
          },
        });
      expectTypeOf(firings).toEqualTypeOf<DataStream<number>>();
    });
  });

  test("late records keep their type, triggers and evictors are of theirs", () => {
    write((job) => {
      const late = outputTag<Click>("late");
      const windowed = clicks(job).window(tumbling("1 hour"), {
        lateTo: late,
        trigger: triggers.custom({
          onRecord: (click: Click, ctx) => {
            // @ts-expect-error -- without a type there is no state
            ctx.state.set(1);
            return click.gapMs > 0 ? "fire" : "continue";
          },
        }),
        evictor: evictors.custom({
          before: (records) => records.filter(({ value }) => value.gapMs > 0),
        }),
      });
      expectTypeOf(windowed.count("n").sideOutput(late)).toEqualTypeOf<DataStream<Click>>();
      // @ts-expect-error -- the tag is of other records
      clicks(job).window(tumbling("1 hour"), { lateTo: outputTag<number>("late") });
      clicks(job).window(tumbling("1 hour"), {
        // @ts-expect-error -- no such decision
        trigger: triggers.custom<Click>({ onRecord: () => "maybe" }),
      });
    });
  });

  test("windows over all records have a key that is null", () => {
    write((job) => {
      const best = job
        .source("clicks", elements<Click>([]))
        .windowAll(count(10))
        .aggregate(
          "best",
          topN(3, (a, b) => b.gapMs - a.gapMs),
        );
      expectTypeOf(best).toEqualTypeOf<DataStream<readonly Click[]>>();
    });
  });
});
