import { expect, test } from "vitest";

import { StreamError } from "./error.ts";
import type { Clock } from "./ports/clock.ts";
import { backoffMs, createDeadline, retry } from "./retry.ts";

/** A clock whose timers fire when the test says so. */
class HandClock implements Clock {
  readonly waits: number[] = [];
  pending: (() => void)[] = [];
  monotonicMs(): number {
    return 0;
  }
  wallMs(): number {
    return 0;
  }
  schedule(delayMs: number, callback: () => void): Disposable {
    this.waits.push(delayMs);
    this.pending.push(callback);
    return {
      [Symbol.dispose]: () => {
        this.pending = this.pending.filter((other) => other !== callback);
      },
    };
  }
  async fire(): Promise<void> {
    for (let count = 0; count < 5; count += 1) await Promise.resolve();
    for (const callback of this.pending.splice(0)) callback();
    for (let count = 0; count < 5; count += 1) await Promise.resolve();
  }
}

const highest = { uint32: () => 2 ** 32 - 1 };
const policy = { maxTries: 4, initialDelayMs: 100, maxDelayMs: 300 };

function failing(times: number, kind: "never" | "backoff" = "backoff") {
  let tries = 0;
  return async (): Promise<number> => {
    tries += 1;
    if (tries <= times) {
      throw new StreamError("unavailable", `try ${tries}`, { domain: "external", retry: kind });
    }
    return tries;
  };
}

test("it waits ever longer, up to the cap, and returns what succeeds", async () => {
  const clock = new HandClock();
  const result = retry(failing(3), policy, { clock, random: highest });
  for (let count = 0; count < 3; count += 1) await clock.fire();
  expect(await result).toBe(4);
  expect(clock.waits.map(Math.round)).toEqual([100, 200, 300]);
});

test("it gives up after the policy's tries with the last error", async () => {
  const clock = new HandClock();
  const result = retry(failing(9), policy, { clock, random: highest });
  result.catch(() => {});
  for (let count = 0; count < 4; count += 1) await clock.fire();
  await expect(result).rejects.toThrow("try 4");
});

test("an error that says never is thrown at once", async () => {
  const clock = new HandClock();
  const result = retry(failing(1, "never"), policy, { clock, random: highest });
  await expect(result).rejects.toThrow("try 1");
  expect(clock.waits).toEqual([]);
});

test("a signal ends the wait with its reason", async () => {
  const clock = new HandClock();
  const controller = new AbortController();
  const ports = { clock, random: highest };
  const result = retry(failing(9), policy, ports, controller.signal);
  result.catch(() => {});
  for (let count = 0; count < 5; count += 1) await Promise.resolve();
  controller.abort(new Error("enough"));
  await expect(result).rejects.toThrow("enough");
  expect(clock.pending).toEqual([]);
});

test("jitter takes off up to half of a wait", () => {
  const half = { uint32: () => 0 };
  expect(backoffMs(policy, 1, half)).toBe(50);
  expect(backoffMs(policy, 100, half)).toBe(150);
});

test("a deadline aborts with deadline-exceeded, follows its outer signal, holds no timer", async () => {
  const clock = new HandClock();
  const outer = new AbortController();
  const first = createDeadline(clock, { afterMs: 5, what: "the work", signal: outer.signal });
  await clock.fire();
  expect(first.signal.reason).toMatchObject({ code: "deadline-exceeded" });
  const second = createDeadline(clock, { afterMs: 5, what: "the work", signal: outer.signal });
  outer.abort(new Error("stop"));
  expect(second.signal.reason).toMatchObject({ message: "stop" });
  second[Symbol.dispose]();
  expect(clock.pending).toEqual([]);
});
