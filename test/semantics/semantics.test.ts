import { existsSync, readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { hasTest, parseSemantics } from "./parse-semantics.ts";

const pageUrl = new URL("../../packages/api/SEMANTICS.md", import.meta.url);
const page = parseSemantics(readFileSync(pageUrl, "utf8"));

test("the page has a section for each part of the programming model", () => {
  expect(page.sections).toEqual([
    "Time and watermarks",
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
