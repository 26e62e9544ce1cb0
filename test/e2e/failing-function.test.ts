import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "./job-modules.ts";
import { runMillrace } from "./run-millrace.ts";

let modules: JobModules;

beforeAll(async () => {
  modules = await JobModules.create();
});

afterAll(() => modules[Symbol.asyncDispose]());

test.each([
  {
    where: "in the source's chain, by the split and the position in it",
    name: "throws-in-source-chain.ts",
    steps: `.map((letter) => { if (letter === "b") throw new TypeError("no b"); return letter; }, { name: "upper" })`,
    operator: "upper",
    place: /\(subtask letters\/\d, operator upper, position split all at 1\)/,
  },
  {
    where: "behind an exchange, by channel, sequence number and key group",
    name: "throws-behind-exchange.ts",
    steps: `.keyBy((letter) => letter).process("checks", {
      emits: type<string>(),
      state: {},
      onRecord(letter, context) { if (letter === "b") throw new TypeError("no b"); context.emit(letter); },
    })`,
    operator: "checks",
    place:
      /\(subtask checks\/\d, operator checks, channel edge 0 from subtask \d, frame \d+, record \d+, key group \d+\)/,
  },
])("a throw is located $where; the job restarts by policy, then fails", async (example) => {
  const path = await modules.add(
    example.name,
    `export default defineJob("throws", (job) => {
      job.defaults({ restart: { maxFailures: 1 } });
      job.source("letters", elements(["a", "b"]))${example.steps}.print();
    });`,
  );
  const { exitCode, stderr } = await runMillrace("dev", path);
  expect(exitCode).toBe(1);
  const attempts = stderr.match(/attempt \d+ failed: user-function-failed: /g);
  expect(attempts).toEqual([
    "attempt 1 failed: user-function-failed: ",
    "attempt 2 failed: user-function-failed: ",
  ]);
  const [error = ""] = stderr.match(/^error\[restart-limit\]: .*$/m) ?? [];
  expect(error).toContain("the job failed 2 times without a completed checkpoint between");
  expect(error).toContain(
    `the last failure was user-function-failed: operator ${example.operator} threw TypeError: no b`,
  );
  expect(error).toMatch(example.place);
  expect(stderr).toMatch(new RegExp(`^ {4}at .*${example.name}:\\d+:\\d+\\)?$`, "m"));
  expect(stderr).toContain("Correct the cause named above, then run the job again.");
});
