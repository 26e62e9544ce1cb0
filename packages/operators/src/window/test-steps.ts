import fc from "fast-check";

import type { WindowDriver } from "./test-driver.ts";

/** A record as a model of windows sees it. */
export interface WindowEvent {
  readonly atMs: number;
}

/** What a property test does to windows. */
export type WindowStep<Event extends WindowEvent> =
  | { readonly kind: "record"; readonly key: string; readonly event: Event }
  | { readonly kind: "watermark"; readonly byMs: number; readonly pauses: readonly boolean[] }
  | { readonly kind: "restore" };

/** Windows as anybody would write them who has time for all records at each step. */
export interface NaiveWindows<Event extends WindowEvent> {
  readonly results: readonly string[];
  readonly lateCount: number;
  push(key: string, event: Event): void;
  advance(watermarkMs: number): void;
}

/** Event time begins so far behind zero. */
const startMs = -60;

/**
 * Returns up to 60 steps, half as many in the middle: without a size fast-check draws no more than
 * 10, of which few are records and fewer meet in a window.
 */
export function stepsOf<Event extends WindowEvent>(
  event: fc.Arbitrary<Event>,
): fc.Arbitrary<readonly WindowStep<Event>[]> {
  const step = fc.oneof(
    {
      weight: 7,
      arbitrary: fc.record({
        kind: fc.constant("record" as const),
        key: fc.constantFrom("a", "b", "c"),
        event,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("watermark" as const),
        byMs: fc.nat({ max: 30 }),
        pauses: fc.array(fc.boolean(), { maxLength: 6 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "restore" as const }) },
  );
  return fc.array(step, { maxLength: 60, size: "max" });
}

interface Outcome {
  readonly results: readonly string[];
  /** Records that were too late, counted or put aside to `late`. */
  readonly lateCount: number;
  /** What is left of state at the end. */
  readonly cellCount: number;
}

/** Does the steps to windows and to the model, and ends the input; returns what both come to. */
export function compareWithNaive<Event extends WindowEvent>(
  steps: readonly WindowStep<Event>[],
  opened: WindowDriver,
  naive: NaiveWindows<Event>,
): { readonly actual: Outcome; readonly expected: Outcome } {
  const results: string[] = [];
  let lateCount = 0;
  let watermarkMs = startMs;
  let driver = opened;
  const collect = (): void => {
    results.push(...driver.sorted());
    lateCount += driver.recorded.late + driver.side("late").length;
  };
  for (const next of [...steps, { kind: "watermark", byMs: 1e9, pauses: [] } as const]) {
    if (next.kind === "record") {
      driver.push(next.key, next.event, next.event.atMs);
      naive.push(next.key, next.event);
    } else if (next.kind === "watermark") {
      const pauses = [...next.pauses];
      watermarkMs += next.byMs;
      driver.advance(watermarkMs, () => pauses.pop() ?? false);
      naive.advance(watermarkMs);
    } else {
      collect();
      driver = driver.restore();
    }
  }
  collect();
  return {
    actual: { results: sortedTexts(results), lateCount, cellCount: driver.cellCount },
    expected: { results: sortedTexts(naive.results), lateCount: naive.lateCount, cellCount: 0 },
  };
}

function sortedTexts(texts: readonly string[]): readonly string[] {
  return texts.toSorted((left, right) => (left < right ? -1 : 1));
}
