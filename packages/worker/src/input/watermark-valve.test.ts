import { noFailpoints } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { WatermarkValve, type ValveChange } from "./watermark-valve.ts";

function createValve(channelCount: number, restoredMs = -Infinity): WatermarkValve {
  return new WatermarkValve({ channelCount, restoredMs, failpoints: noFailpoints });
}

/** Takes all that changed, in short. */
function takeAll(valve: WatermarkValve): readonly (number | string)[] {
  const taken: (number | string)[] = [];
  for (let change = valve.take(); change.kind !== "nothing"; change = valve.take()) {
    taken.push(describe(change));
  }
  return taken;
}

function describe(change: Exclude<ValveChange, { readonly kind: "nothing" }>): number | string {
  if (change.kind === "watermark") return change.watermarkMs;
  return change.isIdle ? "idle" : "active";
}

test("the result is the least of the channels, once all have spoken (S12)", () => {
  const valve = createValve(2);
  valve.onWatermark(0, 10);
  expect(takeAll(valve)).toEqual([]);
  valve.onWatermark(1, 5);
  expect(takeAll(valve)).toEqual([5]);
  valve.onWatermark(1, 20);
  expect(takeAll(valve)).toEqual([10]);
});

test("an idle channel holds nobody back, and does not pull the result back when it returns", () => {
  const valve = createValve(2);
  valve.onWatermark(0, 10);
  valve.onStatus(1, true);
  expect(takeAll(valve)).toEqual([10]);
  valve.onStatus(1, false);
  valve.onWatermark(1, 3);
  valve.onWatermark(0, 20);
  expect(takeAll(valve)).toEqual([]);
  valve.onWatermark(1, 15);
  expect(takeAll(valve)).toEqual([15]);
});

test("the subtask is idle when no channel is active and one may come back", () => {
  const valve = createValve(2);
  valve.onStatus(0, true);
  expect(takeAll(valve)).toEqual([]);
  valve.onEndOfInput(1);
  expect(takeAll(valve)).toEqual(["idle"]);
  valve.onStatus(0, false);
  expect(takeAll(valve)).toEqual(["active"]);
});

test("a finished channel does not push the others: infinity comes when all are at it", () => {
  const valve = createValve(2);
  valve.onStatus(0, true);
  valve.onWatermark(1, Infinity);
  expect(takeAll(valve)).toEqual(["idle"]);
  valve.onEndOfInput(1);
  valve.onStatus(0, false);
  valve.onWatermark(0, 7);
  expect(takeAll(valve)).toEqual(["active", 7]);
  valve.onWatermark(0, Infinity);
  expect(takeAll(valve)).toEqual([Infinity]);
});

test("a channel that ended below infinity ends without firing the rest", () => {
  const valve = createValve(1);
  valve.onWatermark(0, 7);
  valve.onEndOfInput(0);
  expect(takeAll(valve)).toEqual([7]);
});

test("a restored watermark comes first, and is never undercut (S12)", () => {
  const valve = createValve(1, 100);
  expect(takeAll(valve)).toEqual([100]);
  valve.onWatermark(0, 40);
  expect(takeAll(valve)).toEqual([]);
  valve.onWatermark(0, 101);
  expect(takeAll(valve)).toEqual([101]);
});

test("a channel whose watermark regresses is a bug that stops the task (S12)", () => {
  const valve = createValve(1);
  valve.onWatermark(0, 5);
  expect(() => valve.onWatermark(0, 4)).toThrow("regresses from 5 to 4");
});

test("with the planted bug the result regresses", () => {
  const valve = new WatermarkValve({
    channelCount: 2,
    restoredMs: -Infinity,
    failpoints: { isActive: (name) => name === "watermark-regresses" },
  });
  valve.onWatermark(0, 10);
  expect(takeAll(valve)).toEqual([10]);
  valve.onWatermark(1, 5);
  expect(takeAll(valve)).toEqual([5]);
});

test("the result rises, and no active channel is ever overtaken but by what it let pass before", () => {
  const step = fc.record({
    channel: fc.nat(2),
    what: fc.constantFrom("watermark", "idle", "active", "end"),
    advanceMs: fc.nat(10),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const valve = createValve(3);
      const channels = [0, 1, 2].map(() => ({ watermarkMs: -Infinity, state: "active" }));
      let resultMs = -Infinity;
      for (const { channel, what, advanceMs } of steps) {
        const own = channels[channel];
        if (own === undefined || own.state === "end") continue;
        if (what === "watermark") {
          own.watermarkMs = Math.max(own.watermarkMs, 0) + advanceMs;
          valve.onWatermark(channel, own.watermarkMs);
        } else {
          own.state = what;
          if (what === "end") valve.onEndOfInput(channel);
          else valve.onStatus(channel, what === "idle");
        }
        const active = channels.filter(({ state }) => state === "active");
        const leastMs = Math.min(...active.map(({ watermarkMs }) => watermarkMs));
        if (active.length > 0) resultMs = Math.max(resultMs, leastMs);
        const taken = takeAll(valve).filter((change) => typeof change === "number");
        expect(taken.length).toBeLessThanOrEqual(1);
        expect(taken.at(-1) ?? resultMs).toBe(resultMs);
      }
    }),
  );
});
