import { existsSync, readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { operatorNames, unnamedMethods } from "./operators.ts";
import { hasTest, parseSemantics } from "./parse-semantics.ts";

const pageUrl = new URL("../../packages/api/SEMANTICS.md", import.meta.url);
const page = parseSemantics(readFileSync(pageUrl, "utf8"));

test("the page has a section for each part of the programming model", () => {
  expect(page.sections).toEqual([
    "Time and watermarks",
    "Functions, unions and sinks",
    "Windows",
    "State and timers",
    "Joins",
    "Async I/O",
    "Flow and partitioning",
    "Operator state and broadcast state",
    "Another parallelism",
    "Sources",
  ]);
});

test("every row names a test that is there", () => {
  const missing = page.rows.filter(({ testFile, testTitle }) => {
    const url = new URL(testFile, pageUrl);
    return !existsSync(url) || !hasTest(readFileSync(url, "utf8"), testTitle);
  });
  expect(
    missing.map(({ line, testFile, testTitle }) => `${line}: ${testFile} ${testTitle}`),
  ).toEqual([]);
});

/** The cases that systems decide differently. */
const disputed = [
  "two session events exactly one gap apart",
  "an element at exactly the watermark",
  "a window ending at the largest timestamp",
  "interval join: a record at exactly the watermark",
  "interval join: an element at exactly the watermark of two inputs",
  "a finished input beside an idle one",
  "a timer registered in the past",
  "a timer of processing time, registered in the past",
  "a key that is null",
  "equal timestamps",
  "two timers at one time",
  "late data into a merged session",
];

test.each(disputed)("the page tells what happens to %s", (name) => {
  expect(page.rows.map(({ case: known }) => known)).toContain(name);
});

test("every method of the API's streams belongs to an operator that the page tells of", () => {
  expect(unnamedMethods()).toEqual([]);
});

describe.each(operatorNames())("of %s", (name) => {
  const told = page.rows.flatMap(({ case: known }) =>
    known.startsWith(`${name}: `) ? [known.slice(name.length + 2)] : [],
  );

  test("the page tells its time, state, order and edges", () => {
    const main = ["time", "state", "order"];
    expect(told).toEqual(expect.arrayContaining(main));
    expect(told.filter((about) => !main.includes(about))).not.toEqual([]);
  });
});

test("no case of a section is told twice", () => {
  const names = page.rows.map(({ section, case: name }) => `${section}: ${name}`);
  expect(names).toEqual([...new Set(names)]);
});

describe("a row", () => {
  test("is a case, what happens, and a link to a test; a bar in it is escaped", () => {
    const text = ["## Joins", "| a \\| b | c | [does (x)](../a.test.ts) |"].join("\n");
    expect(parseSemantics(text).rows).toEqual([
      {
        section: "Joins",
        line: 2,
        case: "a | b",
        behaviour: "c",
        testTitle: "does (x)",
        testFile: "../a.test.ts",
      },
    ]);
  });

  test.each(["| a | b | c |", "| a | | [t](f) |", "| a | b | [t](f) | more |", "| a | b |"])(
    "%s is refused with its line",
    (text) => {
      expect(() => parseSemantics(text)).toThrow("line 1");
    },
  );
});

test("the title of a test is found in whatever quotes, and not as a part of another", () => {
  expect(hasTest('test("a (b)", () => {});', "a (b)")).toBe(true);
  expect(hasTest("test.each([1])(\n  `a %s`,\n  () => {});", "a %s")).toBe(true);
  expect(hasTest('test("a (b) c", () => {});', "a (b)")).toBe(false);
  expect(hasTest('// "a (b)"', "a (b)")).toBe(false);
});
