import type { GeneralWindowSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Operator } from "../operator.ts";
import { testBackends } from "../test-backends.ts";
import { createGeneralWindowOperator } from "./general-window-operator.ts";
import { WindowDriver } from "./test-driver.ts";
import { compareWithNaive, stepsOf, type NaiveWindows, type WindowEvent } from "./test-steps.ts";

interface Event extends WindowEvent {
  readonly gapMs: number;
}

const specOf = (allowedLatenessMs: number): GeneralWindowSpec => ({
  kind: "general-window",
  assigner: { kind: "session", gapMs: ({ gapMs }: Event) => gapMs },
  allowedLatenessMs,
  lateTag: "late",
  aggregate: {
    create: () => 0,
    add: (count: number) => count + 1,
    merge: (into: number, from: number) => into + from,
    result: (
      count: number,
      { key, window }: { key: string; window: { start: number; end: number } },
    ) => `${key} [${window.start}, ${window.end}) ${count}`,
  },
});

interface NaiveSession {
  readonly key: string;
  readonly events: readonly Event[];
}

/** Sessions as sets of events; their bounds are computed each time. */
class NaiveSessions implements NaiveWindows<Event> {
  readonly results: string[] = [];
  lateCount = 0;
  #sessions: NaiveSession[] = [];
  #watermarkMs = -Infinity;
  readonly #allowedLatenessMs: number;

  constructor(allowedLatenessMs: number) {
    this.#allowedLatenessMs = allowedLatenessMs;
  }

  push(key: string, event: Event): void {
    const alone = { key, events: [event] };
    const joined = this.#sessions.filter(
      (session) => session.key === key && touches(boundsOf(session), boundsOf(alone)),
    );
    const whole = { key, events: [...joined.flatMap(({ events }) => events), event] };
    if (boundsOf(whole).end - 1 + this.#allowedLatenessMs <= this.#watermarkMs) {
      this.lateCount += 1;
      return;
    }
    this.#sessions = [...this.#sessions.filter((session) => !joined.includes(session)), whole];
    if (boundsOf(whole).end - 1 <= this.#watermarkMs) this.#fire(whole);
  }

  advance(watermarkMs: number): void {
    for (const session of this.#sessions) {
      const lastMs = boundsOf(session).end - 1;
      if (lastMs > this.#watermarkMs && lastMs <= watermarkMs) this.#fire(session);
    }
    this.#watermarkMs = watermarkMs;
    this.#sessions = this.#sessions.filter(
      (session) => boundsOf(session).end - 1 + this.#allowedLatenessMs > watermarkMs,
    );
  }

  #fire(session: NaiveSession): void {
    const { start, end } = boundsOf(session);
    this.results.push(`${session.key} [${start}, ${end}) ${session.events.length}`);
  }
}

function boundsOf({ events }: NaiveSession): { start: number; end: number } {
  return {
    start: Math.min(...events.map(({ atMs }) => atMs)),
    end: Math.max(...events.map(({ atMs, gapMs }) => atMs + gapMs)),
  };
}

function touches(
  left: { start: number; end: number },
  right: { start: number; end: number },
): boolean {
  return left.start <= right.end && right.start <= left.end;
}

describe.each(testBackends)("on %s", (_name, create) => {
  test("sessions are those of a naive model, over pauses, restores, lateness and gaps of all lengths (S12)", () => {
    const lateness = fc.oneof(fc.constant(0), fc.nat({ max: 25 }));
    const steps = stepsOf(
      fc.record({
        atMs: fc.integer({ min: -60, max: 90 }),
        gapMs: fc.integer({ min: 1, max: 15 }),
      }),
    );
    fc.assert(
      fc.property(lateness, steps, (allowedLatenessMs, all) => {
        const windows = (): Operator => createGeneralWindowOperator(specOf(allowedLatenessMs));
        const naive = new NaiveSessions(allowedLatenessMs);
        const driver = new WindowDriver(windows, create());
        const { actual, expected } = compareWithNaive(all, driver, naive);
        expect(actual).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
