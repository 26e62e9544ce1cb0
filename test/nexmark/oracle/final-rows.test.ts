import { expect, test } from "vitest";

import { finalRows } from "./final-rows.ts";

test("a query that does not update has all of its rows, also equal ones", () => {
  const rows = [
    { auction: 1, num: 2 },
    { auction: 1, num: 2 },
  ];
  expect(finalRows("q5", rows)).toEqual(rows);
});

test("of the rows of a key the one with the most bids counts, in whatever order they are", () => {
  const first = { day: "2015-07-15", totalBids: 1 };
  const last = { day: "2015-07-15", totalBids: 2 };
  const other = { day: "2015-07-16", totalBids: 1 };
  expect(finalRows("q15", [first, last, other])).toEqual([last, other]);
  expect(finalRows("q15", [last, first, other])).toEqual([last, other]);
});

test("of equal prices the earlier bid has the rank", () => {
  const early = { auction: 1, rankNumber: 1, price: 5, dateTime: 1 };
  const late = { auction: 1, rankNumber: 1, price: 5, dateTime: 2 };
  expect(finalRows("q19", [late, early])).toEqual([early]);
  expect(finalRows("q19", [early, late])).toEqual([early]);
});

test("rows that do not tell which is later are in order", () => {
  const rows = [
    { id: 10, final: 9 },
    { id: 11, final: 7 },
    { id: 10, final: 8 },
  ];
  expect(finalRows("q4", rows)).toEqual([
    { id: 10, final: 8 },
    { id: 11, final: 7 },
  ]);
});
