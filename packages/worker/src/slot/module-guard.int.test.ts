import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { createNodeClock } from "@millrace/platform";
import { afterAll, beforeAll, expect, test } from "vitest";

import { loadGuardedJob } from "./module-guard.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-guard-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function moduleOf(name: string, text: string): Promise<string> {
  const path = join(folder, `${name}.mjs`);
  await writeFile(path, text);
  return pathToFileURL(path).href;
}

function jobText(build: string, top = ""): string {
  return `${top}; export default { millraceJob: 1, name: "j", build: (input) => { ${build} } };`;
}

test("a module that reads the clock while it loads is refused by name (F28)", async () => {
  const url = await moduleOf("clock", jobText("return 1", "Date.now()"));
  await expect(loadGuardedJob(url, {})).rejects.toMatchObject({
    code: "job-module-invalid",
    message: expect.stringContaining("Date.now()"),
  });
  expect(Date.now()).toBeGreaterThan(0);
});

test("a build that draws a random number is refused, and the globals are as before", async () => {
  const job = await loadGuardedJob(await moduleOf("random", jobText("Math.random()")), {});
  expect(() => job.build({ params: null, baseDirectory: "/" })).toThrow(/Math\.random\(\)/);
  expect(Math.random()).toBeLessThan(1);
});

test("a module sees the allowed environment and nothing else, while it loads and builds", async () => {
  const text = jobText(
    "return { seen, now: { ...process.env } }",
    "const seen = { ...process.env }",
  );
  const job = await loadGuardedJob(await moduleOf("environment", text), { REGION: "eu" });
  expect(job.build({ params: null, baseDirectory: "/" })).toEqual({
    seen: { REGION: "eu" },
    now: { REGION: "eu" },
  });
  expect(process.env["PATH"]).toBeDefined();
});

test("a throw at load is the author's failure, with its reason (F28)", async () => {
  const url = await moduleOf("throws", jobText("return 1", "throw new RangeError('too far')"));
  await expect(loadGuardedJob(url, {})).rejects.toMatchObject({
    code: "job-module-failed",
    domain: "user",
    message: expect.stringContaining("RangeError: too far"),
  });
});

test("a module without a job is told what to write (F28)", async () => {
  const url = await moduleOf("empty", "export const job = 1;");
  await expect(loadGuardedJob(url, {})).rejects.toMatchObject({
    code: "job-module-invalid",
    message: expect.stringContaining("export default defineJob"),
  });
});

test("our own clock goes on while a module is guarded", async () => {
  const clock = createNodeClock();
  const url = await moduleOf("slow", jobText("return 1", "await new Promise(setImmediate)"));
  const loading = loadGuardedJob(url, {});
  expect(clock.wallMs()).toBeGreaterThan(0);
  await loading;
});
