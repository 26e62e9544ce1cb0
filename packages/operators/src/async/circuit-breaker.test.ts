import type { CircuitBreakerSpec } from "@millrace/graph";
import { expect, test } from "vitest";

import { CircuitBreaker } from "./circuit-breaker.ts";

const inARow: CircuitBreakerSpec = {
  trip: { kind: "in-a-row", failureCount: 3 },
  openMs: 100,
  probeCount: 2,
  to: "aside",
};

/** Lets a try through and tells its outcome; false if it was not let through. */
function tryOnce(breaker: CircuitBreaker, isFailure: boolean, nowMs = 0): boolean {
  const ticket = breaker.admit(nowMs);
  if (ticket === undefined) return false;
  breaker.onOutcome(ticket, isFailure, nowMs);
  return true;
}

function openedAt(nowMs: number): CircuitBreaker {
  const breaker = new CircuitBreaker(inARow);
  for (let count = 0; count < 3; count += 1) tryOnce(breaker, true, nowMs);
  return breaker;
}

test("opens after so many failures in a row; a success between begins the count anew", () => {
  const breaker = new CircuitBreaker(inARow);
  for (const isFailure of [true, true, false, true, true]) tryOnce(breaker, isFailure);
  expect(breaker.state()).toBe("closed");
  tryOnce(breaker, true);
  expect(breaker.state()).toBe("open");
});

test("opens at a rate over the last tries, once there were so many", () => {
  const trip = { kind: "rate", rate: 0.5, tryCount: 4 } as const;
  const breaker = new CircuitBreaker({ ...inARow, trip });
  for (const isFailure of [true, true, true]) tryOnce(breaker, isFailure);
  expect(breaker.state()).toBe("closed");
  const other = new CircuitBreaker({ ...inARow, trip });
  // A failure leaves the last four as another one comes in.
  for (const isFailure of [true, false, false, false, true, false]) tryOnce(other, isFailure);
  expect(other.state()).toBe("closed");
  tryOnce(other, true);
  expect(other.state()).toBe("open");
});

test("lets nothing through while it is open, then as many tries as there are probes", () => {
  const breaker = openedAt(1_000);
  expect(breaker.admit(1_099)).toBeUndefined();
  expect(breaker.admit(1_100)).toBeDefined();
  expect(breaker.state()).toBe("half-open");
  expect(breaker.admit(1_100)).toBeDefined();
  expect(breaker.admit(5_000)).toBeUndefined();
});

test("closes when all probes succeed, and opens again when one fails", () => {
  const closing = openedAt(0);
  for (let count = 0; count < 2; count += 1) tryOnce(closing, false, 100);
  expect(closing.state()).toBe("closed");
  const opening = openedAt(0);
  tryOnce(opening, false, 100);
  tryOnce(opening, true, 150);
  expect(opening.state()).toBe("open");
  expect(opening.admit(249)).toBeUndefined();
  expect(opening.admit(250)).toBeDefined();
});

test("does not count outcomes of tries that were let through before it changed", () => {
  const breaker = new CircuitBreaker(inARow);
  const early = breaker.admit(0);
  for (let count = 0; count < 3; count += 1) tryOnce(breaker, true);
  const probe = breaker.admit(100);
  if (early === undefined || probe === undefined) throw new Error("both are let through");
  breaker.onOutcome(early, true, 100);
  expect(breaker.state()).toBe("half-open");
  breaker.onOutcome(probe, false, 100);
  expect(breaker.state()).toBe("half-open");
  tryOnce(breaker, false, 100);
  expect(breaker.state()).toBe("closed");
});
