import fc from "fast-check";
import { expect, test } from "vitest";

import { maxWindowFactor, ReceiveWindow, SendCredit } from "./credit.ts";
import { WindowBudget } from "./window-budget.ts";

const windowBytes = 1_000;

/** A sender and a receiver of frames of so many bytes, without a way between them. */
class Pair {
  readonly credit = new SendCredit();
  readonly #window: ReceiveWindow;
  bufferedBytes = 0;

  constructor(budget = new WindowBudget(Infinity)) {
    this.#window = new ReceiveWindow(windowBytes, budget);
    this.credit.grant(this.#window.open());
  }

  send(sizeBytes: number): void {
    this.credit.spend(sizeBytes);
    this.#window.arrive(sizeBytes);
    this.bufferedBytes += sizeBytes;
  }

  use(sizeBytes: number): void {
    this.bufferedBytes -= sizeBytes;
    this.credit.grant(this.#window.use(sizeBytes, this.bufferedBytes));
  }

  /** What the sender may send, and what it sent that is not used up. */
  underWayBytes(): number {
    return this.credit.availableBytes() + this.bufferedBytes;
  }

  /** Sends all that there is credit for, then uses it all up: bound by the way alone. */
  runOnce(): void {
    const frames: number[] = [];
    while (this.credit.availableBytes() > 0) {
      this.send(100);
      frames.push(100);
    }
    for (const frame of frames) this.use(frame);
  }
}

test("a window grows while its receiver waits for nothing but the way, up to eight times", () => {
  const pair = new Pair();
  for (let turn = 0; turn < 20; turn += 1) pair.runOnce();
  expect(pair.credit.availableBytes()).toBeGreaterThan(windowBytes * maxWindowFactor * 0.75);
  expect(pair.credit.availableBytes()).toBeLessThanOrEqual(windowBytes * maxWindowFactor);
});

test("a window grows no further than what its slot has for all", () => {
  const pair = new Pair(new WindowBudget(windowBytes * 2.5));
  for (let turn = 0; turn < 20; turn += 1) pair.runOnce();
  expect(pair.credit.availableBytes()).toBeGreaterThan(windowBytes * 1.5);
  expect(pair.credit.availableBytes()).toBeLessThanOrEqual(windowBytes * 2);
});

test("a window stays as it is while the sender has credit to spare", () => {
  const pair = new Pair();
  for (let turn = 0; turn < 1_000; turn += 1) {
    pair.send(100);
    pair.use(100);
  }
  expect(pair.underWayBytes()).toBeLessThanOrEqual(windowBytes);
});

test("a window that grew shrinks again while its receiver always has more to do", () => {
  const pair = new Pair();
  for (let turn = 0; turn < 20; turn += 1) pair.runOnce();
  pair.send(100);
  for (let turn = 0; turn < 1_000; turn += 1) {
    while (pair.credit.availableBytes() > 0) pair.send(100);
    pair.use(100);
  }
  expect(pair.underWayBytes()).toBeLessThanOrEqual(windowBytes + 100);
});

test("a sender whose bytes are all used up has credit, whatever happened before (I1, S15)", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 700 }), fc.nat(6)), {
    maxLength: 200,
    size: "max",
  });
  fc.assert(
    fc.property(steps, (sizes) => {
      const pair = new Pair();
      const frames: number[] = [];
      for (const [sizeBytes, useCount] of sizes) {
        if (pair.credit.availableBytes() > 0) {
          pair.send(sizeBytes);
          frames.push(sizeBytes);
        }
        for (const frame of frames.splice(0, useCount)) pair.use(frame);
        expect(pair.underWayBytes()).toBeLessThanOrEqual(windowBytes * maxWindowFactor);
      }
      for (const frame of frames) pair.use(frame);
      expect(pair.credit.availableBytes()).toBeGreaterThan(0);
    }),
  );
});
