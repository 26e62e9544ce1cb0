import { expect, test } from "vitest";

import { createPrintOperator } from "./print.ts";
import { createTestContext } from "./test-context.ts";

test.each([
  ["", "word", "word"],
  ["counts", { key: "a", value: 2 }, 'counts: {"key":"a","value":2}'],
  ["", 12n, '"12"'],
  ["", { n: 1n }, '{"n":"1"}'],
  ["", undefined, "undefined"],
  ["", new Map([["a", new Set([1])]]), '{"a":[1]}'],
  ["", new Date(0), '"1970-01-01T00:00:00.000Z"'],
])("with label %j, %o is printed as one line", (label, value, line) => {
  const operator = createPrintOperator(label);
  const { context, recorded } = createTestContext();
  operator.open(context);
  operator.onRecord(value, 0);
  expect(recorded.lines).toEqual([line]);
});
