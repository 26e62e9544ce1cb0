import { defineJob, elements, sliding, state, type } from "@millrace/api";
import { expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { assertExactlyOnce } from "./assert-exactly-once.ts";
import { simulate } from "./simulate.ts";

const lines = Array.from({ length: 60 }, (_, index) => `to be ${index % 7} or not ${index % 3}`);

test("a job that counts words holds under 20 seeds", { timeout: 60_000 }, async () => {
  const job = defineJob("words", (write) => {
    write
      .source("lines", elements<string>([]))
      .flatMap((line) => line.split(" "))
      .keyBy((word) => word)
      .count("counts")
      .sink("board", nowhere);
  });
  const report = await assertExactlyOnce(job, { inputs: { lines }, seeds: 20 });
  expect(report.seeds).toBe(20);
  expect(report.recoveries).toBeGreaterThan(5);
  expect(report.checkpoints).toBeGreaterThan(20);
});

interface Click {
  readonly user: string;
  readonly at: number;
}

const clicks = Array.from({ length: 150 }, (_, index): Click => ({
  user: `user ${(index * 7) % 11}`,
  at: index * 10 - (index % 4) * 15,
}));

/** Counts clicks of each user in windows, and all of them by a timer behind the last. */
const clickCounts = defineJob("clicks", (write) => {
  const read = write.source("clicks", elements<Click>([]), {
    watermarks: { timestamp: ({ at }) => at, outOfOrderness: "50 ms" },
  });
  const byUser = read.keyBy(({ user }) => user);
  byUser.window(sliding("200 ms", "50 ms")).count("busy").sink("windows", nowhere);
  byUser
    .process("totals", {
      emits: type<{ user: string; total: number }>(),
      state: { total: state.value<number>() },
      onRecord(_click, ctx) {
        ctx.state.total.update((total) => (total ?? 0) + 1);
        ctx.timers.atEventTime(2_000);
      },
      onTimer(_time, ctx) {
        ctx.emit({ user: ctx.key, total: ctx.state.total.get() ?? 0 });
      },
    })
    .sink("sums", nowhere);
});

test("a job with windows, timers and state holds under 20 seeds", { timeout: 60_000 }, async () => {
  const report = await assertExactlyOnce(clickCounts, { inputs: { clicks }, seeds: 20 });
  expect(report.recoveries).toBeGreaterThan(5);
});

test(
  "windows, timers and state hold under faults before and after a restore at another parallelism",
  { timeout: 60_000 },
  async () => {
    const options = { inputs: { clicks }, parallelism: 2, restoreAt: 3, seeds: 15 };
    const report = await assertExactlyOnce(clickCounts, options);
    expect(report.recoveries).toBeGreaterThan(15);
  },
);

/** Emits each user once; what it has seen is lost with its slot, since it is not state. */
const forgetful = defineJob("forgetful", (write) => {
  const seen = new Set<string>();
  write
    .source("clicks", elements<Click>([]))
    .keyBy(({ user }) => user)
    .process("first", {
      emits: type<string>(),
      onRecord(_click, ctx) {
        if (seen.has(ctx.key)) return;
        seen.add(ctx.key);
        ctx.emit(ctx.key);
      },
    })
    .sink("users", nowhere);
});

test("a job that keeps what it needs outside of state is found, with its seed and faults", async () => {
  const error = await assertExactlyOnce(forgetful, { inputs: { clicks } }).catch(
    (failure: unknown) => failure,
  );
  const text = error instanceof Error ? error.message : "";
  const [, seed = ""] =
    /^job forgetful fails under seed (\d+): sink users lacks none and has/.exec(text) ?? [];
  expect(text).toContain(`repeat: await assertExactlyOnce(job, { inputs, seeds: ["${seed}"] });`);
  // The message is enough to have the failure again, and by its faults alone.
  const [fault = "", ...more] = [...text.matchAll(/^ {2}(\{.*\})$/gm)].map(([, json = ""]) => json);
  expect(more).toEqual([]);
  const inputs = { clicks };
  await expect(assertExactlyOnce(forgetful, { inputs, seeds: [seed] })).rejects.toThrow(fault);
  const run = await simulate(forgetful, { inputs, seed, faults: [JSON.parse(fault)] });
  expect(run.outputs["users"]?.length).toBeGreaterThan(11);
  const calm = await simulate(forgetful, { inputs, seed, faults: [] });
  expect(calm.outputs["users"]).toHaveLength(11);
});

test("a job whose module-level variable outlives its runs is found without a fault", async () => {
  let count = 0;
  const job = defineJob("numbering", (write) => {
    write
      .source("lines", elements<string>([]))
      .map((line) => `${(count += 1)} ${line}`)
      .sink("board", nowhere);
  });
  await expect(assertExactlyOnce(job, { inputs: { lines }, seeds: 3 })).rejects.toThrow(
    /fails under seed 0: sink board lacks 60 .*[^]*fails without any fault.*module-level variable/,
  );
});

test("records so late that timing decides about them are refused", async () => {
  const job = defineJob("late", (write) => {
    write
      .source("clicks", elements<Click>([]), { watermarks: { timestamp: ({ at }) => at } })
      .keyBy(({ user }) => user)
      .window(sliding("200 ms", "50 ms"))
      .count("busy")
      .sink("windows", nowhere);
  });
  await expect(assertExactlyOnce(job, { inputs: { clicks } })).rejects.toMatchObject({
    code: "invalid-argument",
    message: expect.stringContaining("record 1 of inputs.clicks is 5 ms older"),
  });
});

test("a job without a sink is refused", async () => {
  const job = defineJob("mute", (write) => write.source("lines", elements(["a"])).print());
  await expect(assertExactlyOnce(job)).rejects.toThrow("job mute has no sink");
});
