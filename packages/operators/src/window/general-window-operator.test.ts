import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { global, listed, session, windowsOn, type Details } from "./test-windows.ts";

describe.each(testBackends)("on %s", (_name, create) => {
  const open = windowsOn(create);

  describe("sessions", () => {
    test("end a gap after their last record, and fire when the watermark is at their end - 1", () => {
      const driver = open(session);
      driver.push("k", "a", 0);
      driver.push("k", "b", 5);
      driver.advance(13);
      expect(driver.results()).toEqual([]);
      driver.advance(14);
      expect(driver.recorded.emitted).toEqual([{ value: '"k" [0, 15) ab', timestampMs: 14 }]);
      expect(driver.cellCount).toBe(0);
    });

    test("two records exactly one gap apart are one session", () => {
      const driver = open(session);
      driver.push("k", "a", 0);
      driver.push("k", "b", 10);
      driver.push("k", "c", 21);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 20) ab', '"k" [21, 31) c']);
    });

    test("a record exactly one gap behind a session that is over begins another", () => {
      const driver = open(session);
      driver.push("k", "a", 0);
      driver.advance(9);
      driver.push("k", "b", 10);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 10) a', '"k" [10, 20) b']);
    });

    test("a record between two sessions makes them one, the earlier one's records first", () => {
      const driver = open(session);
      driver.push("k", "c", 20);
      driver.push("k", "a", 0);
      driver.push("k", "b", 10);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 30) acb']);
    });

    test("each key has its own, also a key that is null", () => {
      const driver = open(session);
      driver.push("k", "a", 0);
      driver.push(null, "b", 5);
      driver.push(null, "c", 9);
      driver.advance(Infinity);
      expect(driver.sorted()).toEqual(['"k" [0, 10) a', "null [5, 19) bc"]);
    });

    test("the gap may be the record's own", () => {
      const driver = open({ kind: "session", gapMs: (record) => Number(record) });
      driver.push("k", "3", 0);
      driver.push("k", "9", 3);
      driver.push("k", "1", 4);
      driver.push("k", "5", 13);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 12) 391', '"k" [13, 18) 5']);
    });

    test.each([0, -1, Number.NaN, Infinity])("a gap of %d ms fails the job", (gapMs) => {
      const driver = open({ kind: "session", gapMs: () => gapMs });
      expect(() => {
        driver.push("k", "a", 0);
      }).toThrow(expect.objectContaining({ code: "invalid-argument", domain: "user" }));
    });

    test("records of one time are all in it, in the order in which they came", () => {
      const driver = open(session);
      for (const record of ["c", "a", "b"]) driver.push("k", record, 5);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [5, 15) cab']);
    });

    test("a record behind the watermark that joins an open session is in it", () => {
      const driver = open(session, { lateTag: "late" });
      driver.push("k", "b", 20);
      driver.advance(25);
      driver.push("k", "a", 12);
      driver.push("k", "x", 1);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [12, 30) ba']);
      expect(driver.side("late")).toEqual([["x", 1]]);
    });

    test("a late record whose own session is over goes to the side output, or is counted", () => {
      const driver = open(session);
      driver.push("k", "a", 0);
      driver.advance(9);
      driver.push("k", "b", 0);
      driver.push("k", "c", 1);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(['"k" [0, 10) a', '"k" [1, 11) c']);
      expect(driver.recorded.late).toBe(1);
    });

    test("within the allowed lateness a late record fires its session again at once", () => {
      const driver = open(session, { allowedLatenessMs: 20 });
      driver.push("k", "a", 0);
      driver.advance(12);
      driver.push("k", "b", 0);
      expect(driver.results()).toEqual(['"k" [0, 10) a', '"k" [0, 10) ab']);
      driver.advance(29);
      expect(driver.cellCount).toBe(0);
      driver.push("k", "c", 0);
      expect(driver.recorded.late).toBe(1);
    });

    test("a late record that makes a fired session longer fires the whole when that ends", () => {
      const driver = open(session, { allowedLatenessMs: 20 });
      driver.push("k", "a", 0);
      driver.push("k", "c", 15);
      driver.advance(12);
      driver.push("k", "b", 8);
      expect(driver.results()).toEqual(['"k" [0, 10) a']);
      driver.advance(24);
      expect(driver.results()).toEqual(['"k" [0, 10) a', '"k" [0, 25) acb']);
      driver.advance(Infinity);
      expect(driver.results()).toHaveLength(2);
      expect(driver.cellCount).toBe(0);
    });

    test("what was emitted is not changed by a later firing, though `result` gives its accumulator", () => {
      const driver = open(session, {
        allowedLatenessMs: 20,
        aggregate: { ...listed, result: (list: string[]) => list },
      });
      driver.push("k", "a", 0);
      driver.advance(9);
      driver.push("k", "b", 0);
      expect(driver.results()).toEqual([["a"], ["a", "b"]]);
    });

    test("cost a timer by gap, not by record", () => {
      const driver = open(session);
      for (let time = 0; time < 1_000; time += 1) driver.push("k", "", time);
      // The cell of the key, and one timer.
      expect(driver.cellCount).toBe(2);
      driver.advance(990);
      expect(driver.cellCount).toBe(2);
    });

    test("go on after a restore", () => {
      let driver = open(session);
      driver.push("k", "a", 0);
      driver = driver.restore();
      driver.push("k", "b", 10);
      driver.advance(9);
      driver = driver.restore();
      driver.advance(19);
      expect(driver.results()).toEqual(['"k" [0, 20) ab']);
    });
  });

  describe("the global window", () => {
    test("fires at the end of input, with the greatest event time of its records", () => {
      const driver = open(global);
      driver.push("k", "a", 7);
      driver.push("k", "b", 3);
      driver.advance(1e15);
      expect(driver.results()).toEqual([]);
      driver.advance(Infinity);
      expect(driver.recorded.emitted).toEqual([
        { value: '"k" [-Infinity, Infinity) ab', timestampMs: 7 },
      ]);
      expect(driver.cellCount).toBe(0);
    });

    test("with a trigger fires only when that says so, and keeps nothing that is purged", () => {
      const driver = open(global, {
        trigger: { kind: "purging", of: { kind: "count", count: 2 } },
      });
      for (const record of ["a", "b", "c", "d"]) driver.push("k", record);
      expect(driver.cellCount).toBe(0);
      driver.push("k", "e");
      driver.advance(Infinity);
      expect(driver.results()).toEqual([
        '"k" [-Infinity, Infinity) ab',
        '"k" [-Infinity, Infinity) cd',
      ]);
    });
  });

  test("a firing stops between two keys when asked to, and goes on there", () => {
    const driver = open(session);
    for (const key of ["a", "b", "c"]) driver.push(key, "x", 0);
    let asked = 0;
    driver.advance(Infinity, () => (asked += 1) % 2 === 0);
    expect(driver.results()).toHaveLength(3);
    expect(asked).toBeGreaterThan(3);
  });

  test("a record without event time is a bug of the plan, not a silent window", () => {
    const driver = open(session);
    expect(() => {
      driver.push("k", "a");
    }).toThrow("without event time");
  });

  test("a function that emits by itself emits what it likes, with the window's time", () => {
    const driver = open(session, {
      aggregate: {
        ...listed,
        emitsItself: true,
        result: (
          list: string[],
          ctx: Details & {
            emit(value: unknown): void;
            emitTo(tag: { name: string }, value: unknown): void;
          },
        ) => {
          for (const record of list) ctx.emit(record);
          ctx.emitTo({ name: "sizes" }, list.length);
        },
      },
    });
    driver.push("k", "a", 0);
    driver.push("k", "b", 1);
    driver.advance(Infinity);
    expect(driver.recorded.emitted).toEqual([
      { value: "a", timestampMs: 10 },
      { value: "b", timestampMs: 10 },
    ]);
    expect(driver.side("sizes")).toEqual([[2, 10]]);
  });
});
