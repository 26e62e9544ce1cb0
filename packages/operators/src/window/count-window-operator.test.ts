import type { WindowSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { createCountWindowOperator } from "./count-window-operator.ts";
import { WindowDriver } from "./test-driver.ts";

const listed: WindowSpec["aggregate"] = {
  create: (): string[] => [],
  add: (list: string[], record: string) => void list.push(record),
  merge: (into: string[], from: string[]) => void into.push(...from),
  result: (list: string[], { key }: { key: string }) => `${key} ${list.join("")}`,
};

/** Numbers are accumulators that are equal without being the same. */
const counted: WindowSpec["aggregate"] = {
  create: () => 0,
  add: (count: number) => count + 1,
  merge: (into: number, from: number) => into + from,
  result: (count: number) => count,
};

describe.each(testBackends)("on %s", (_name, create) => {
  const open = (
    { size, slide = size }: { readonly size: number; readonly slide?: number },
    aggregate = listed,
  ): WindowDriver => {
    const assigner = { kind: "count", size, slide } as const;
    return new WindowDriver(
      () => createCountWindowOperator({ kind: "count-window", assigner, aggregate }),
      create(),
    );
  };

  test("a window of a number of records fires with the last of them, at the greatest event time", () => {
    const driver = open({ size: 2 });
    driver.push("k", "a", 9);
    driver.push("j", "x", 1);
    driver.push("k", "b", 3);
    expect(driver.recorded.emitted).toEqual([{ value: "k ab", timestampMs: 9 }]);
    expect(driver.cellCount).toBe(1);
  });

  test("one that slides has the last records, at first fewer", () => {
    const driver = open({ size: 4, slide: 2 });
    for (const record of ["a", "b", "c", "d", "e", "f", "g"]) driver.push("k", record);
    expect(driver.results()).toEqual(["k ab", "k abcd", "k cdef"]);
  });

  test("what is not a whole window at the end of input fires nothing", () => {
    const driver = open({ size: 2 });
    driver.push("k", "a", 0);
    driver.advance(Infinity);
    expect(driver.results()).toEqual([]);
  });

  test("accumulators may be numbers", () => {
    const driver = open({ size: 6, slide: 4 }, counted);
    for (let index = 0; index < 12; index += 1) driver.push("k", index);
    expect(driver.results()).toEqual([4, 6, 6]);
  });

  test("windows are those of a naive model, for every size and slide, over restores", () => {
    const sizes = fc
      .record({ slide: fc.integer({ min: 1, max: 6 }), extra: fc.nat({ max: 6 }) })
      .map(({ slide, extra }) => ({ size: slide + extra, slide }));
    const keys = fc.array(fc.constantFrom("a", "b"), { maxLength: 40, size: "max" });
    fc.assert(
      fc.property(sizes, keys, fc.nat({ max: 40 }), ({ size, slide }, pushed, restoreAt) => {
        let driver = open({ size, slide });
        const results: unknown[] = [];
        const expected: string[] = [];
        const seen = new Map<string, string[]>();
        for (const [index, key] of pushed.entries()) {
          if (index === restoreAt) {
            results.push(...driver.results());
            driver = driver.restore();
          }
          const record = String.fromCodePoint(48 + index);
          driver.push(key, record);
          const records = [...(seen.get(key) ?? []), record];
          seen.set(key, records);
          if (records.length % slide === 0) {
            expected.push(`${key} ${records.slice(-size).join("")}`);
          }
        }
        expect([...results, ...driver.results()]).toEqual(expected);
      }),
    );
  });
});
