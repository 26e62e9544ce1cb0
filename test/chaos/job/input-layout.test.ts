import { expect, test } from "vitest";

import { layOut } from "./input-layout.ts";

// Splits of 4 rows: 0..3, 4..6 | 7..10 | then the second loop.
const layout = layOut([7, 4], 4);

test("a split's first row counts the loops before it", () => {
  expect(layout).toMatchObject({ rowsOfFile: 11, splitsOfFile: 3 });
  expect([0, 1, 2, 3, 4].map((split) => layout.firstRow(split))).toEqual([0, 4, 7, 11, 15]);
});

test("rows behind the readers are those of finished splits and what was read of open ones", () => {
  expect(layout.rowsBehind("")).toBe(0);
  expect(layout.rowsBehind("flights/0: split 0 at its beginning")).toBe(0);
  // Split 1 begins at row 4 of its row group.
  expect(layout.rowsBehind("flights/0: split 1 at 6; flights/1: split 0 at 3")).toBe(5);
  expect(layout.rowsBehind("flights/0: split 4 at 5; flights/1: split 2 at 1")).toBe(13);
});
