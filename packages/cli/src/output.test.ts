import { expect, test } from "vitest";

import { formatBytes, formatDuration, formatMoment, formatTable, toJson } from "./output.ts";

test("columns are as wide as their widest cell", () => {
  expect(
    formatTable(
      ["ID", "STATE"],
      [
        ["long-id", "x"],
        ["a", ""],
      ],
    ),
  ).toBe("ID       STATE\nlong-id  x\na");
});

test("64-bit ids are texts in JSON", () => {
  expect(toJson({ id: 9_007_199_254_740_993n })).toBe('{"id":"9007199254740993"}');
});

test("figures carry the unit that people read", () => {
  expect([formatBytes(999), formatBytes(1_234), formatBytes(5_600_000)]).toEqual([
    "999 B",
    "1.2 kB",
    "5.6 MB",
  ]);
  expect([formatDuration(340.4), formatDuration(12_345)]).toEqual(["340 ms", "12.3 s"]);
  expect([formatMoment(0), formatMoment(Infinity), formatMoment(-Infinity)]).toEqual([
    "1970-01-01 00:00:00",
    "end",
    "-",
  ]);
});
