import { streamErrorCodes } from "@millrace/core";
import { expect, test } from "vitest";

import { exitCodeOf } from "./exit-code.ts";
import { adviceOf, formatFailure } from "./format-error.ts";

test("a failure says its code, what failed with which ids, and what to do", () => {
  const text = formatFailure({
    code: "user-function-failed",
    message: "map double threw TypeError: x is not a number\nat double (job.ts:3:5)",
    domain: "user",
    location: { operator: "double", subtask: "lines/1", position: "split a at 17" },
  });
  expect(text).toBe(
    [
      "error[user-function-failed]: map double threw TypeError: x is not a number (operator double, subtask lines/1, position split a at 17)",
      "  at double (job.ts:3:5)",
      "  Correct the function; the job restarts from its latest checkpoint.",
    ].join("\n"),
  );
});

test("of a stack only the author's own frames are shown", () => {
  const text = formatFailure({
    code: "user-function-failed",
    message: "operator upper threw TypeError: no b",
    domain: "user",
    stack: [
      "TypeError: no b",
      "    at shout (/jobs/letters.ts:3:11)",
      "    at map (/jobs/letters.ts:9:5)",
      "    at onRecord (file:///millrace/operators/dist/window/window-operator.js:9:5)",
      "    at run0 (eval at compileChain (file:///millrace/compile-chain.js:12:21), <anonymous>:11:12)",
      "    at #drain (file:///millrace/source-task.js:222:17)",
    ].join("\n"),
  });
  expect(text.split("\n").slice(1, -1)).toEqual([
    "    at shout (/jobs/letters.ts:3:11)",
    "    at map (/jobs/letters.ts:9:5)",
  ]);
});

test("every code has advice", () => {
  for (const code of streamErrorCodes) expect(adviceOf(code)).toMatch(/^[A-Z].*\.$/);
});

test.each([
  ["coordinator-unreachable", 3],
  ["deadline-exceeded", 4],
  ["cancelled", 130],
  ["job-module-syntax", 2],
  ["port-in-use", 2],
  ["restart-limit", 1],
] as const)("%s ends with exit code %i", (code, exitCode) => {
  expect(exitCodeOf(code)).toBe(exitCode);
});
