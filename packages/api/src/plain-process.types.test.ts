import type { SinkConnector } from "@millrace/graph";
import { expect, expectTypeOf, test } from "vitest";

import {
  broadcastMap,
  defineJob,
  elements,
  state,
  type,
  type BroadcastStream,
  type DataStream,
  type Job,
} from "./index.ts";

// `tsc -b` compiles this file: each `@ts-expect-error` proves that the line below does not compile.

interface Payment {
  readonly account: string;
  readonly amount: number;
}

interface Rule {
  readonly name: string;
  readonly limit: number;
}

const sink: SinkConnector<unknown> = {
  connector: "none",
  options: null,
  guarantee: "exactly-once",
  createWriter: () => {
    throw new Error("tests of types write nothing");
  },
};

function build(write: (job: Job) => void): () => unknown {
  return () => defineJob("types", write).build({ params: {}, baseDirectory: "/base" });
}

const payments = (job: Job): DataStream<Payment> =>
  job.source("payments", elements<Payment>([]), { watermarks: { timestamp: () => 0 } });
const rules = (job: Job): DataStream<Rule> =>
  job.source("rules", elements<Rule>([]), { watermarks: { timestamp: () => 0 } });

test("functions without keys: what they get, hold and emit is typed", () => {
  const write = build((job) => {
    const batches = payments(job).process("batches", {
      emits: type<readonly Payment[]>(),
      create: () => {
        const waiting: Payment[] = [];
        return {
          initializeState({ operatorState, isRestored }) {
            const stored = operatorState.list<Payment>("waiting");
            expectTypeOf(isRestored).toEqualTypeOf<boolean>();
            expectTypeOf(stored.get()).toEqualTypeOf<readonly Payment[]>();
            // @ts-expect-error -- a list of payments holds no numbers
            const wrong = (): void => stored.add(7);
            expect(wrong).toBeTypeOf("function");
          },
          onRecord(record, ctx) {
            expectTypeOf(record).toEqualTypeOf<Payment>();
            waiting.push(record);
            ctx.emit(waiting);
            // @ts-expect-error -- it emits batches
            const wrong = (): void => ctx.emit(record);
            expect(wrong).toBeTypeOf("function");
          },
        };
      },
    });
    expectTypeOf(batches).toEqualTypeOf<DataStream<readonly Payment[]>>();
    batches.sink("out", sink);
  });
  expect(write).not.toThrow();
});

test("broadcast state is written on its own side and read on the other", () => {
  const write = build((job) => {
    const ruled = rules(job).broadcast();
    expectTypeOf(ruled).toEqualTypeOf<BroadcastStream<Rule>>();
    payments(job)
      .keyBy(({ account }) => account)
      .connect(ruled)
      .process("over", {
        emits: type<{ account: string; limit: number }>(),
        state: { sum: state.value<number>() },
        broadcastState: { limits: broadcastMap<string, Rule>() },
        onRecord(record, ctx) {
          expectTypeOf(record).toEqualTypeOf<Payment>();
          expectTypeOf(ctx.key).toEqualTypeOf<string>();
          const rule = ctx.broadcastState.limits.get(ctx.key);
          expectTypeOf(rule?.limit).toEqualTypeOf<number | undefined>();
          expectTypeOf(ctx.broadcastState.limits).not.toHaveProperty("set");
          expectTypeOf(ctx.broadcastState.limits).not.toHaveProperty("delete");
        },
        onBroadcast(rule, ctx) {
          expectTypeOf(rule).toEqualTypeOf<Rule>();
          ctx.broadcastState.limits.set(rule.name, rule);
          // @ts-expect-error -- what is broadcast has no key
          const wrong = (): unknown => ctx.key;
          expect(wrong).toBeTypeOf("function");
          ctx.applyToKeyedState("sum", (key, sum) => {
            expectTypeOf(key).toEqualTypeOf<string>();
            expectTypeOf(sum.get()).toEqualTypeOf<number | undefined>();
          });
          // @ts-expect-error -- there is no state of this name
          const unknown = (): void => ctx.applyToKeyedState("sun", () => {});
          expect(unknown).toBeTypeOf("function");
        },
      })
      .sink("out", sink);
  });
  expect(write).not.toThrow();
});

test("only what is broadcast can stand beside a stream without keys", () => {
  const write = build((job) => {
    const paid = payments(job);
    paid.sink("paid", sink);
    const ruled = rules(job);
    ruled.sink("ruled", sink);
    // @ts-expect-error -- its rules would reach some of the subtasks only
    const wrong = (): unknown => paid.connect(ruled);
    expect(wrong).toBeTypeOf("function");
  });
  expect(write).not.toThrow();
});

test("chaining is said of an operator, not of what stands between operators", () => {
  const between = build((job) => {
    payments(job).rebalance().disableChaining().sink("out", sink);
  });
  expect(between).not.toThrow();
});
