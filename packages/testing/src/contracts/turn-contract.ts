import type { Clock, Turn } from "@millrace/core";
import { describe, expect, test } from "vitest";

export interface TurnSubject extends AsyncDisposable {
  readonly turn: Turn;
  /** Of the same loop. */
  readonly clock: Clock;
}

type CreateSubject = () => Promise<TurnSubject>;

/** Describes what the turns of every loop do; each test gets a fresh subject whose time passes. */
export function describeTurnContract(name: string, createSubject: CreateSubject): void {
  describe(`${name} turn`, () => {
    describeTurnOrder(createSubject);
    describeRoomForTimers(createSubject);
  });
}

function describeTurnOrder(createSubject: CreateSubject): void {
  test("calls back once, after post has returned and after every microtask", async () => {
    await using subject = await createSubject();
    const order: string[] = [];
    const called = new Promise<void>((resolve) => {
      subject.turn.post(() => {
        order.push("turn");
        resolve();
      });
    });
    order.push("returned");
    for (let depth = 0; depth < 10; depth += 1) await Promise.resolve();
    order.push("microtasks");
    await called;
    await nextTurn(subject.turn);
    expect(order).toEqual(["returned", "microtasks", "turn"]);
  });

  test("callbacks keep their order, those posted from within come behind", async () => {
    await using subject = await createSubject();
    const { turn } = subject;
    const order: number[] = [];
    const done = new Promise<void>((resolve) => {
      for (let index = 0; index < 50; index += 1) {
        turn.post(() => {
          order.push(index);
          turn.post(() => {
            order.push(50 + index);
            if (index === 49) resolve();
          });
        });
      }
    });
    await done;
    expect(order).toEqual(Array.from({ length: 100 }, (_unused, index) => index));
  });

  test("what a turn resolves is seen before the next turn begins", async () => {
    await using subject = await createSubject();
    const { turn } = subject;
    const order: string[] = [];
    const settled = Promise.withResolvers<void>();
    turn.post(() => {
      order.push("first");
      settled.resolve();
    });
    const second = nextTurn(turn).then(() => order.push("second"));
    await settled.promise;
    order.push("settled");
    await second;
    expect(order).toEqual(["first", "settled", "second"]);
  });
}

function describeRoomForTimers(createSubject: CreateSubject): void {
  test("turns that post the next one for ever leave room for timers", async () => {
    await using subject = await createSubject();
    const { turn, clock } = subject;
    let isDone = false;
    let turnCount = 0;
    const spin = (): void => {
      turnCount += 1;
      if (!isDone) turn.post(spin);
    };
    turn.post(spin);
    await new Promise<void>((resolve) => {
      clock.schedule(5, resolve);
    });
    isDone = true;
    expect(turnCount).toBeGreaterThan(1);
  });
}

function nextTurn(turn: Turn): Promise<void> {
  return new Promise((resolve) => {
    turn.post(resolve);
  });
}
