import { parseCheckpointId, parseSubtaskId, StreamError } from "@millrace/core";
import { decodeListBlock, encodeListBlock } from "@millrace/state";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { SlotEvent } from "../slot/slot-messages.ts";
import { VirtualTime } from "../test-kit/virtual-time.ts";
import { CompletionQueue } from "./completion-queue.ts";
import { ProcessingTime } from "./processing-time.ts";
import { chooseEntries, encodeSourceEntry, parseSourceEntry } from "./source-entry.ts";
import { SplitWatermark } from "./split-watermark.ts";
import type { Mailbox } from "./task.ts";
import { TokenBucket } from "./token-bucket.ts";
import { TurnBudget } from "./turn-budget.ts";

describe("a turn's budget", () => {
  test("ends after its time, with few reads of the clock for fast records", () => {
    const time = new VirtualTime();
    let readCount = 0;
    const clock = {
      ...time.clock,
      monotonicMs: () => {
        readCount += 1;
        return time.nowMs();
      },
    };
    const budget = new TurnBudget(clock);
    budget.begin(2);
    let count = 0;
    for (; !budget.isSpent(); count += 1) time.spend(0.001);
    expect(count).toBeGreaterThan(1_900);
    expect(count).toBeLessThan(2_100);
    expect(readCount).toBeLessThan(100);
  });

  test("ends within a few records when each is slow", () => {
    const time = new VirtualTime();
    const budget = new TurnBudget(time.clock);
    budget.begin(2);
    let count = 0;
    for (; !budget.isSpent(); count += 1) time.spend(1);
    expect(count).toBeLessThan(5);
  });

  test("is over when an output is full, until the next turn begins", () => {
    const budget = new TurnBudget(new VirtualTime().clock);
    budget.begin(2);
    expect([budget.mayGoOn(), budget.left > 0]).toEqual([true, true]);
    budget.interrupt();
    expect([budget.left, budget.mayGoOn(), budget.isSpent()]).toEqual([0, false, true]);
    budget.begin(2);
    expect(budget.isSpent()).toBe(false);
  });

  test("ends although the clock stands still", () => {
    const budget = new TurnBudget(new VirtualTime().clock);
    budget.begin(2);
    let count = 0;
    while (!budget.isSpent() && count < 100_000) count += 1;
    expect(count).toBeLessThan(5_000);
  });
});

test("a token bucket gives its rate over any second, and no burst after a pause", () => {
  const time = new VirtualTime();
  const bucket = new TokenBucket(time.clock, 500);
  const takeAll = (): number => {
    bucket.refill();
    let count = 0;
    while (bucket.take()) count += 1;
    return count;
  };
  let taken = takeAll();
  for (let step = 0; step < 1_000; step += 1) {
    time.spend(1);
    taken += takeAll();
  }
  expect(taken).toBeGreaterThan(495);
  expect(taken).toBeLessThan(505);
  time.spend(10_000);
  expect(takeAll()).toBeLessThanOrEqual(10);
});

test("the turn's time is read once in a turn, when it is first asked for, and never falls", () => {
  const reads = [5, 9, 7, 12];
  const clock = { ...new VirtualTime().clock, wallMs: () => reads.shift() ?? Number.NaN };
  const time = new ProcessingTime(clock);
  time.beginTurn();
  expect([time.turnMs(), time.turnMs()]).toEqual([5, 5]);
  expect(time.nowMs()).toBe(9);
  expect(time.turnMs()).toBe(5);
  time.beginTurn();
  expect([time.turnMs(), time.turnMs()]).toEqual([9, 9]);
  expect(reads).toEqual([12]);
});

describe("a split's watermark", () => {
  const split = { id: "s", descriptor: null };

  test("is the greatest timestamp less the bound less one, and never falls (S12)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1, maxLength: 60, size: "max" }),
        fc.nat(1_000),
        (times, bound) => {
          const watermark = new SplitWatermark(bound, { split });
          let previousMs = watermark.watermarkMs;
          for (const [index, timeMs] of times.entries()) {
            watermark.observe(timeMs);
            expect(watermark.watermarkMs).toBe(Math.max(...times.slice(0, index + 1)) - bound - 1);
            expect(watermark.watermarkMs).toBeGreaterThanOrEqual(previousMs);
            previousMs = watermark.watermarkMs;
          }
        },
      ),
    );
  });

  test("begins below the split's lower bound, or where it was restored", () => {
    const bounded = { ...split, lowerBoundMs: 100 };
    expect(new SplitWatermark(5, { split: bounded }).watermarkMs).toBe(99);
    expect(new SplitWatermark(5, { split: bounded, watermarkMs: 150 }).watermarkMs).toBe(150);
  });
});

describe("stored entries", () => {
  test("of any JSON come back as they were (D4)", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (entries) => {
        const json = JSON.parse(JSON.stringify(entries)) as string[];
        expect(decodeListBlock(encodeListBlock("op", json))).toEqual(json);
      }),
    );
  });

  test("of another format are refused by the operator's name", () => {
    const block = encodeListBlock("board", []);
    const bytes = new TextEncoder().encode('{"formatVersion":2,"entries":[]}');
    expect(() => decodeListBlock({ ...block, bytes })).toThrow(/board is not of list format 1/);
  });

  test("of a source keep split, position and watermark", () => {
    const owner = { subtaskIndex: 0, parallelism: 1 };
    const entry = {
      split: { id: "a", descriptor: 1, lowerBoundMs: 5 },
      position: 7,
      watermarkMs: 9,
    };
    expect(parseSourceEntry(encodeSourceEntry(entry, owner), "flights")).toEqual(entry);
    const bare = { split: { id: "a", descriptor: null } };
    expect(parseSourceEntry(encodeSourceEntry(bare, owner), "flights")).toEqual(bare);
    expect(() => parseSourceEntry({ other: 1 }, "flights")).toThrow(/source flights/);
  });

  test("of a source stay with their subtask at the same parallelism, else go round (S9, S12)", () => {
    const entries = [1, 0, 1].map((subtaskIndex, index) =>
      encodeSourceEntry(
        { split: { id: `split-${index}`, descriptor: null } },
        { subtaskIndex, parallelism: 2 },
      ),
    );
    const chosen = (subtaskIndex: number, parallelism: number): readonly string[] =>
      chooseEntries(entries, { subtaskIndex, parallelism }).map(
        (entry) => parseSourceEntry(entry, "flights").split.id,
      );
    expect([chosen(0, 2), chosen(1, 2)]).toEqual([["split-1"], ["split-0", "split-2"]]);
    expect([chosen(0, 3), chosen(1, 3), chosen(2, 3)]).toEqual([
      ["split-0"],
      ["split-1"],
      ["split-2"],
    ]);
  });
});

test("completion notices are handed on one at a time, and a failed publish fails the task", async () => {
  const time = new VirtualTime();
  const events: SlotEvent[] = [];
  const failures: unknown[] = [];
  const calls: string[] = [];
  const mailbox: Mailbox = {
    wake: () => {},
    pauseTask: () => {},
    post: (action) => time.turn.post(action),
    join: (promise, outcome) =>
      void promise.then(
        (value) => time.turn.post(() => outcome.onValue(value)),
        (error: unknown) => time.turn.post(() => outcome.onFailure(error)),
      ),
    wakeAfter: () => {},
    send: (event) => void events.push(event),
    report: () => {},
    fail: (_subtaskId, error) => void failures.push(error),
  };
  const { subtaskId } = parseSubtaskId("board/0");
  const queue = new CompletionQueue(subtaskId, {
    mailbox,
    operators: [
      {
        open: () => {},
        onRecord: () => {},
        onCheckpointCompleted: async (checkpointId) => {
          calls.push(`begin ${checkpointId}`);
          await new Promise<void>((resolve) => void time.clock.schedule(5, resolve));
          calls.push(`end ${checkpointId}`);
          if (checkpointId === 3n) {
            throw new StreamError("sink-failed", "full", { domain: "external", retry: "backoff" });
          }
        },
      },
    ],
  });
  for (const id of [1n, 2n, 1n, 3n]) queue.add(parseCheckpointId(id));
  await time.run(100);
  expect(calls).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
  expect(events.map((event) => event.kind === "published" && event.checkpointId)).toEqual([
    1n,
    2n,
    1n,
  ]);
  expect(failures).toMatchObject([{ code: "sink-failed" }]);
});
