import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { prepareSubmission } from "./prepare-submission.ts";

// Inside the package, so that the modules find the API.
const parent = fileURLToPath(new URL("../../node_modules/", import.meta.url));
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(parent, "jobs-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const api = 'import { defineJob, elements } from "@millrace/api";';
const job = `${api}
export default defineJob("letters", (job, params) => {
  job.source("letters", elements([params.first ?? "a"])).print(String(process.env.LABEL));
});`;

async function prepare(
  name: string,
  code: string,
  options: Partial<Parameters<typeof prepareSubmission>[1]> = {},
): ReturnType<typeof prepareSubmission> {
  const path = join(folder, name);
  await writeFile(path, code);
  return prepareSubmission(path, {
    params: [],
    environment: [],
    loadTimeoutMs: 10_000,
    ...options,
  });
}

test("the same module gives the same bundle, its plan holds the parameters", async () => {
  const first = await prepare("job.ts", job, { params: ["first=b"] });
  const second = await prepare("job.ts", job, { params: ["first=b"] });
  expect(second.bundleSha256).toBe(first.bundleSha256);
  expect(second.planJson).toBe(first.planJson);
  expect(first.planJson).toContain('"values":["b"]');
  expect(first.params).toEqual({ first: "b" });
});

test("the module reads no variable but those that are allowed", async () => {
  process.env["LABEL"] = "secret";
  expect((await prepare("env.ts", job)).planJson).toContain('"label":"undefined"');
  const allowed = await prepare("env.ts", job, { environment: ["LABEL"] });
  expect(allowed.planJson).toContain('"label":"secret"');
  expect(allowed.environment).toEqual({ LABEL: "secret" });
});

test("a module that is not there is named", async () => {
  const options = { params: [], environment: [], loadTimeoutMs: 1_000 };
  await expect(prepareSubmission("none.ts", options)).rejects.toMatchObject({
    code: "job-module-not-found",
    message: expect.stringMatching(/^there is no job module .*none\.ts: check the path/),
  });
});

test.each([
  [
    "syntax.ts",
    "const a = 1;\nconst b = ;",
    "job-module-syntax",
    /syntax\.ts:2:11: Unexpected token$/,
  ],
  ["import.ts", 'import "./gone.ts";', "job-module-invalid", /import\.ts:1:8: Could not resolve/],
  [
    "package.ts",
    'import "no-such-package";',
    "job-module-invalid",
    /install the package or correct/,
  ],
  ["no-job.ts", "export const a = 1;", "job-module-invalid", /has no job of API version 1/],
  ["other.ts", "export default 42;", "job-module-invalid", /has no job of API version 1/],
  [
    "throws.ts",
    'const a = 1;\nthrow new TypeError("no such table");',
    "job-module-failed",
    /TypeError: no such table .*throws\.ts:2:7/,
  ],
  [
    "exits.ts",
    "process.exit(7);",
    "job-module-failed",
    /ended its process while loading \(exit code 7\)/,
  ],
  [
    "clock.ts",
    `${api}\nexport default defineJob("at-" + Date.now(), () => {});`,
    "job-module-invalid",
    /Date\.now\(\) was called while/,
  ],
  [
    "random.ts",
    `${api}\nexport default defineJob("a", (job) => { job.source("s" + Math.random(), elements([])); });`,
    "job-module-invalid",
    /Math\.random\(\) was called while/,
  ],
])("%s is refused, naming what is wrong", async (name, code, errorCode, message) => {
  await expect(prepare(name, code)).rejects.toMatchObject({
    code: errorCode,
    message: expect.stringMatching(message),
  });
});

test("an endless loop at load is ended after the time limit", async () => {
  const loading = prepare("loop.ts", "for (;;) {}", { loadTimeoutMs: 500 });
  await expect(loading).rejects.toMatchObject({
    code: "job-module-timeout",
    message: expect.stringMatching(/did not load within 0.5 s: look for an endless loop/),
  });
});
