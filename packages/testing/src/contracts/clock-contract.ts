import { sleep, type Clock } from "@millrace/core";
import { describe, expect, test } from "vitest";

export interface ClockSubject extends AsyncDisposable {
  readonly clock: Clock;
}

type CreateSubject = () => Promise<ClockSubject>;

/** Describes what every clock does; each test gets a fresh subject whose time passes by itself. */
export function describeClockContract(name: string, createSubject: CreateSubject): void {
  describe(`${name} clock`, () => {
    describeCallbacks(createSubject);
    describeTime(createSubject);
    describeSleep(createSubject);
  });
}

function describeCallbacks(createSubject: CreateSubject): void {
  test("calls back once, never early, and never before it has returned", async () => {
    await using subject = await createSubject();
    const { clock } = subject;
    for (const delayMs of [0, 3, 12]) {
      const fromMs = clock.monotonicMs();
      let calls = 0;
      await new Promise<void>((resolve) => {
        clock.schedule(delayMs, () => {
          calls += 1;
          resolve();
        });
        expect(calls).toBe(0);
      });
      expect(clock.monotonicMs() - fromMs).toBeGreaterThanOrEqual(delayMs - 1);
      await sleep(clock, 5);
      expect(calls).toBe(1);
    }
  });

  test("calls back in the order of the times, equal ones in the order of scheduling", async () => {
    await using subject = await createSubject();
    const { clock } = subject;
    const order: string[] = [];
    clock.schedule(20, () => order.push("late"));
    clock.schedule(5, () => order.push("early"));
    clock.schedule(5, () => order.push("early too"));
    await sleep(clock, 30);
    expect(order).toEqual(["early", "early too", "late"]);
  });

  test("a disposed callback is not called; disposing again or later is harmless", async () => {
    await using subject = await createSubject();
    const { clock } = subject;
    const called: string[] = [];
    const disposed = clock.schedule(1, () => called.push("disposed"));
    const kept = clock.schedule(1, () => called.push("kept"));
    disposed[Symbol.dispose]();
    disposed[Symbol.dispose]();
    await sleep(clock, 10);
    kept[Symbol.dispose]();
    expect(called).toEqual(["kept"]);
  });
}

function describeTime(createSubject: CreateSubject): void {
  test("monotonic time never goes back, and wall time is after 2001", async () => {
    await using subject = await createSubject();
    const { clock } = subject;
    let before = clock.monotonicMs();
    for (let round = 0; round < 5; round += 1) {
      await sleep(clock, 1);
      const now = clock.monotonicMs();
      expect(now).toBeGreaterThanOrEqual(before);
      before = now;
    }
    expect(clock.wallMs()).toBeGreaterThan(Date.UTC(2001, 0));
  });
}

function describeSleep(createSubject: CreateSubject): void {
  test("a sleep ends with the signal's reason when it aborts", async () => {
    await using subject = await createSubject();
    const { clock } = subject;
    const controller = new AbortController();
    clock.schedule(2, () => controller.abort(new Error("woken")));
    await expect(sleep(clock, 60_000, controller.signal)).rejects.toThrow("woken");
  });
}
