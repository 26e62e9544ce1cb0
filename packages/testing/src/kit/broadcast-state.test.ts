import { broadcastMap, defineJob, elements, state, type, type Job } from "@millrace/api";
import { expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { assertExactlyOnce } from "./assert-exactly-once.ts";
import { simulate } from "./simulate.ts";

interface Payment {
  readonly account: string;
  readonly amount: number;
  readonly at: number;
}

interface Rule {
  readonly name: string;
  readonly weight: number;
}

interface Total {
  readonly account: string;
  readonly amount: number;
  readonly rules: number;
  readonly weight: number;
}

const payments = Array.from({ length: 120 }, (_, index): Payment => ({
  account: `account ${index % 7}`,
  amount: index,
  at: index * 10,
}));
const rules = Array.from({ length: 60 }, (_, index): Rule => ({
  name: `rule ${index % 9}`,
  weight: 1 + (index % 3),
}));
const endMs = 1e12;

/** At the end of input: what each account has paid, and what the rules have come to by then. */
function writeTotals(write: Job): void {
  const paid = write.source("payments", elements<Payment>([]), {
    watermarks: { timestamp: ({ at }) => at },
  });
  const ruled = write.source("rules", elements<Rule>([]), {
    watermarks: { timestamp: () => 0, outOfOrderness: "1 hour" },
  });
  paid
    .keyBy(({ account }) => account)
    .connect(ruled.broadcast())
    .process("totals", {
      emits: type<Total>(),
      state: { paid: state.value<number>() },
      broadcastState: { rules: broadcastMap<string, number>() },
      onRecord({ amount }, ctx) {
        ctx.state.paid.update((before) => (before ?? 0) + amount);
        ctx.timers.atEventTime(endMs);
      },
      onBroadcast({ name, weight }, ctx) {
        const { rules: known } = ctx.broadcastState;
        known.set(name, (known.get(name) ?? 0) + weight);
      },
      onTimer(_time, ctx) {
        const weights = [...ctx.broadcastState.rules.entries()].map(([, weight]) => weight);
        ctx.emit({
          account: ctx.key,
          amount: ctx.state.paid.get() ?? 0,
          rules: ctx.broadcastState.rules.size,
          weight: weights.reduce((sum, weight) => sum + weight, 0),
        });
      },
    })
    .sink("board", nowhere);
}

const job = defineJob("totals", writeTotals);
const inputs = { payments, rules };

test("what is broadcast is the same in all subtasks, for every key", async () => {
  const { outputs, violation } = await simulate(job, { seed: "1", inputs, parallelism: 3 });
  expect(violation).toBeUndefined();
  const totals = outputs["board"] as readonly Total[];
  expect(totals).toHaveLength(7);
  for (const total of totals) expect(total).toMatchObject({ rules: 9, weight: 120 });
});

test(
  "broadcast state survives kills and another parallelism, none of it lost or double",
  { timeout: 60_000 },
  async () => {
    for (const [parallelism, restoreAt] of [
      [2, 3],
      [3, 1],
    ] as const) {
      const report = await assertExactlyOnce(job, { inputs, parallelism, restoreAt, seeds: 8 });
      expect(report.recoveries).toBeGreaterThanOrEqual(8);
    }
  },
);

test("a stream without keys reads what is broadcast beside it", async () => {
  const plain = defineJob("plain", (write) => {
    const paid = write.source("payments", elements<Payment>([]));
    const ruled = write.source("rules", elements<Rule>([]));
    paid
      .connect(ruled.broadcast())
      .process("mark", {
        emits: type<string>(),
        broadcastState: { rules: broadcastMap<string, Rule>() },
        onRecord: ({ account }, ctx) => ctx.emit(account),
        onBroadcast(rule, ctx) {
          ctx.broadcastState.rules.set(rule.name, rule);
          // Each subtask has it: one of them says so.
          if (ctx.subtaskIndex === 0) ctx.emit(rule.name);
        },
      })
      .sink("marked", nowhere);
  });
  const { outputs, violation } = await simulate(plain, { seed: "2", inputs, parallelism: 3 });
  expect(violation).toBeUndefined();
  const expected = [...payments.map(({ account }) => account), ...rules.map(({ name }) => name)];
  expect([...(outputs["marked"] ?? [])].map(String).toSorted()).toEqual(expected.toSorted());
});
