import type { TriggerSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { global, session, tumbling, windowsOn } from "./test-windows.ts";

describe.each(testBackends)("on %s", (_name, create) => {
  const open = windowsOn(create);

  describe("triggers", () => {
    test("by count fire each time, and not at the window's end", () => {
      const driver = open(tumbling, { trigger: { kind: "count", count: 2 } });
      for (const record of ["a", "b", "c"]) driver.push("k", record, 5);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 10) ab']);
      expect(driver.cellCount).toBe(0);
    });

    test("by count add up when sessions become one", () => {
      const driver = open(session, { trigger: { kind: "count", count: 3 } });
      driver.push("k", "a", 0);
      driver.push("k", "c", 20);
      driver.push("k", "b", 10);
      expect(driver.results()).toEqual(['"k" [0, 30) acb']);
    });

    test("that purge forget the window's records, not the window", () => {
      const driver = open(session, {
        trigger: { kind: "purging", of: { kind: "count", count: 2 } },
      });
      driver.push("k", "a", 0);
      driver.push("k", "b", 5);
      driver.push("k", "c", 14);
      driver.push("k", "d", 24);
      expect(driver.results()).toEqual(['"k" [0, 15) ab', '"k" [0, 34) cd']);
      driver.advance(33);
      expect(driver.cellCount).toBe(0);
    });

    test("that never fire drop the window with its records", () => {
      const driver = open(tumbling, { trigger: { kind: "never" } });
      driver.push("k", "a", 5);
      driver.advance(9);
      expect(driver.results()).toEqual([]);
      expect(driver.cellCount).toBe(0);
    });

    test("of event time that are continuous fire at each interval with new records, and at the end", () => {
      const long = { ...tumbling, sizeMs: 100 };
      const driver = open(long, {
        trigger: { kind: "continuous", intervalMs: 10, time: "event" },
      });
      driver.push("k", "a", 3);
      driver.push("k", "b", 7);
      driver.advance(9);
      expect(driver.results()).toEqual([]);
      driver.advance(10);
      driver.advance(40);
      driver.push("k", "c", 45);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 100) ab', '"k" [0, 100) abc', '"k" [0, 100) abc']);
      expect(driver.cellCount).toBe(0);
    });

    test("of event time that are continuous end with the input, also over all of time", () => {
      const driver = open(global, {
        trigger: { kind: "continuous", intervalMs: 10, time: "event" },
      });
      driver.push("k", "a", 3);
      driver.advance(Infinity);
      expect(driver.results()).toEqual([
        '"k" [-Infinity, Infinity) a',
        '"k" [-Infinity, Infinity) a',
      ]);
    });

    test("by processing time fire windows of event time by the clock", () => {
      const driver = open(tumbling, { trigger: { kind: "processing-time" } });
      driver.push("k", "a", 5);
      driver.advanceClock(9);
      expect(driver.results()).toEqual([]);
      driver.advanceClock(10);
      expect(driver.results()).toEqual(['"k" [0, 10) a']);
    });

    interface Context {
      readonly window: { readonly start: number; readonly end: number };
      readonly timestamp: number;
      processingTime(): number;
      readonly state: { get(): string | undefined; set(value: string): void; clear(): void };
      readonly timers: {
        atEventTime(timeMs: number): void;
        atProcessingTime(timeMs: number): void;
        cancel(timeMs: number, domain?: string): void;
      };
    }

    /** Fires with each record in capitals, and 3 ms after the last record, remembering what it saw. */
    const custom: TriggerSpec = {
      kind: "custom",
      onRecord: (record: string, ctx: Context) => {
        ctx.state.set((ctx.state.get() ?? "") + record);
        ctx.timers.atEventTime(ctx.timestamp + 3);
        return record === record.toUpperCase() ? "fire" : "continue";
      },
      onEventTime: (timeMs: number, ctx: Context) =>
        ctx.state.get()?.length === 2 && timeMs === ctx.timestamp ? "fire-and-purge" : "continue",
      merge: (into: string, from: string) => into + from,
      onMerge: (ctx: Context) => {
        ctx.timers.atEventTime(ctx.window.end - 2);
      },
    };

    test("of the author fire by record and by timer, with a state of their own", () => {
      const driver = open({ ...tumbling, sizeMs: 100 }, { trigger: custom });
      driver.push("k", "A", 1);
      driver.advance(4);
      driver.push("k", "b", 5);
      driver.advance(8);
      driver.push("k", "c", 9);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 100) A', '"k" [0, 100) Ab']);
      expect(driver.cellCount).toBe(0);
    });

    test("of the author take the state of merged sessions over, and register their timers again", () => {
      let driver = open(session, { trigger: custom });
      driver.push("k", "a", 0);
      driver.push("k", "b", 9);
      driver = driver.restore();
      driver.advance(Infinity);
      // At 12, 3 ms after the second record; what was registered at 3 went with the merge.
      expect(driver.recorded.emitted).toEqual([{ value: '"k" [0, 19) ab', timestampMs: 18 }]);
    });

    test("of the author that give no time for a timer fail the job", () => {
      const driver = open(tumbling, {
        trigger: {
          kind: "custom",
          onRecord: (_record, ctx: Context) => {
            ctx.timers.atProcessingTime(Number.NaN);
            return "continue";
          },
        },
      });
      expect(() => {
        driver.push("k", "a", 1);
      }).toThrow(expect.objectContaining({ code: "invalid-argument" }));
    });
  });

  describe("evictors", () => {
    test("by count let a firing see the last records, and forget the others", () => {
      const driver = open(global, {
        trigger: { kind: "count", count: 2 },
        evictor: { kind: "count", count: 3 },
      });
      for (const record of ["a", "b", "c", "d", "e", "f"]) driver.push("k", record, 0);
      expect(driver.results().map(String)).toEqual([
        expect.stringContaining(" ab"),
        expect.stringContaining(" bcd"),
        expect.stringContaining(" def"),
      ]);
    });

    test("by time keep what is younger than the newest by less", () => {
      const driver = open(tumbling, { evictor: { kind: "time", keepMs: 3 } });
      driver.push("k", "c", 8);
      driver.push("k", "a", 5);
      driver.push("k", "b", 6);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 10) cb']);
    });

    interface Kept {
      readonly value: string;
    }

    test("of the author choose before and after the window's function", () => {
      let driver = open(global, {
        trigger: { kind: "count", count: 2 },
        evictor: {
          kind: "custom",
          before: (records: readonly Kept[]) => records.filter(({ value }) => value !== "x"),
          after: (records: readonly Kept[]) => records.slice(-1),
        },
      });
      driver.push("k", "a", 0);
      driver.push("k", "b", 0);
      driver = driver.restore();
      driver.push("k", "x", 0);
      driver.push("k", "c", 0);
      expect(driver.results()).toEqual(['"k" [-Infinity, Infinity) bc']);
    });

    test("that leave nothing let the window emit nothing", () => {
      const driver = open(tumbling, { evictor: { kind: "custom", before: () => [] } });
      driver.push("k", "a", 5);
      driver.advance(Infinity);
      expect(driver.results()).toEqual([]);
      expect(driver.cellCount).toBe(0);
    });
  });

  describe("windows of processing time", () => {
    const byClock = { ...tumbling, time: "processing" } as const;

    test("hold what arrives in them, whatever its own time, and fire when the clock is at their end", () => {
      const driver = open(byClock);
      driver.advanceClock(3);
      driver.push("k", "a", 1e9);
      driver.advanceClock(9);
      driver.push("k", "b");
      expect(driver.results()).toEqual([]);
      driver.advanceClock(10);
      driver.push("k", "c", 0);
      expect(driver.recorded.emitted).toEqual([{ value: '"k" [0, 10) ab', timestampMs: 9 }]);
      driver.advanceClock(1_000);
      expect(driver.results()).toEqual(['"k" [0, 10) ab', '"k" [10, 20) c']);
      expect(driver.cellCount).toBe(0);
    });

    test("are late for no watermark, and what is open at the end of input is dropped", () => {
      const driver = open(byClock);
      driver.advance(1e6);
      driver.push("k", "a", 5);
      driver.advance(Infinity);
      driver.advanceClock(1e6);
      expect(driver.results()).toEqual([]);
      expect(driver.recorded.late).toBe(0);
    });

    test("may slide, and be sessions", () => {
      const sliding = open({
        kind: "sliding",
        sizeMs: 10,
        slideMs: 5,
        offsetMs: 0,
        time: "processing",
      });
      sliding.advanceClock(7);
      sliding.push("k", "a");
      sliding.advanceClock(100);
      expect(sliding.results()).toEqual(['"k" [0, 10) a', '"k" [5, 15) a']);
      const sessions = open({ kind: "session", gapMs: 10, time: "processing" });
      for (const nowMs of [0, 9, 30]) {
        sessions.advanceClock(nowMs);
        sessions.push("k", String(nowMs));
      }
      expect(sessions.results()).toEqual(['"k" [0, 19) 09']);
    });

    test("that came due while the job was down fire at once when it is back", () => {
      let driver = open(byClock);
      driver.push("k", "a");
      driver = driver.restore();
      driver.advanceClock(500);
      expect(driver.results()).toEqual(['"k" [0, 10) a']);
    });

    test("with a continuous trigger fire at its intervals and at their end", () => {
      const driver = open(byClock, {
        trigger: { kind: "continuous", intervalMs: 6, time: "processing" },
      });
      driver.push("k", "a");
      driver.advanceClock(6);
      driver.push("k", "b");
      driver.advanceClock(10);
      expect(driver.results()).toEqual(['"k" [0, 10) a', '"k" [0, 10) ab']);
      expect(driver.cellCount).toBe(0);
    });
  });
});
