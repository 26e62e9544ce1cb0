import fc from "fast-check";
import { expect, test } from "vitest";

import { firstWindowEnd, lastWindowEnd, paneLayoutOf, paneOf } from "./panes.ts";

const assigner = fc
  .record({
    slideMs: fc.integer({ min: 1, max: 40 }),
    factor: fc.integer({ min: 0, max: 100 }),
    offsetMs: fc.integer({ min: -50, max: 50 }),
  })
  .map(({ slideMs, factor, offsetMs }) => ({
    kind: "sliding" as const,
    sizeMs: slideMs + factor,
    slideMs,
    offsetMs,
  }));
const time = fc.integer({ min: -10_000, max: 10_000 });

test("a pane lies in exactly the windows that hold each of its moments", () => {
  fc.assert(
    fc.property(assigner, time, (windows, timeMs) => {
      const layout = paneLayoutOf(windows);
      const pane = paneOf(layout, timeMs);
      expect(pane).toBeLessThanOrEqual(timeMs);
      expect(pane + layout.paneMs).toBeGreaterThan(timeMs);
      const { sizeMs, slideMs, offsetMs } = windows;
      const naive: number[] = [];
      for (let end = offsetMs - 20_000 * slideMs; end - sizeMs <= timeMs; end += slideMs) {
        const shifted = end + sizeMs;
        if (shifted - sizeMs <= timeMs && timeMs < shifted) naive.push(shifted);
      }
      expect(firstWindowEnd(layout, pane)).toBe(naive[0]);
      expect(lastWindowEnd(layout, pane)).toBe(naive.at(-1));
    }),
  );
});

test("tumbling windows are their own panes", () => {
  const layout = paneLayoutOf({ kind: "tumbling", sizeMs: 60, offsetMs: 7 });
  expect(layout.paneMs).toBe(60);
  expect([paneOf(layout, 66), paneOf(layout, 67), paneOf(layout, 6)]).toEqual([7, 67, -53]);
  expect([firstWindowEnd(layout, 67), lastWindowEnd(layout, 67)]).toEqual([127, 127]);
});

test("panes of 10 s windows every 4 s are 2 s long", () => {
  const layout = paneLayoutOf({ kind: "sliding", sizeMs: 10_000, slideMs: 4_000, offsetMs: 0 });
  expect(layout.paneMs).toBe(2_000);
});
