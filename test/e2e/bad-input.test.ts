import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "./job-modules.ts";
import { repositoryFolder, runMillrace } from "./run-millrace.ts";

let modules: JobModules;

beforeAll(async () => {
  modules = await JobModules.create();
});

afterAll(() => modules[Symbol.asyncDispose]());

test("--version and --help end well, a wrong option is a usage error", async () => {
  expect(await runMillrace("--version")).toMatchObject({ exitCode: 0, stdout: "0.0.0\n" });
  expect((await runMillrace("--help")).stdout).toContain("dev [options] <module>");
  const wrong = await runMillrace("run", "a.ts", "--parallelism", "none");
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toContain("error[invalid-argument]: option '--parallelism <count>'");
});

test("no coordinator is exit code 3 and says how to start one", async () => {
  const result = await runMillrace("list", "--coordinator", "127.0.0.1:9");
  expect(result.exitCode).toBe(3);
  expect(result.stderr).toBe(
    "error[coordinator-unreachable]: no coordinator answers at 127.0.0.1:9\n" +
      "  Start one with `millrace coordinator`, or name another with --coordinator host:port.\n",
  );
});

test("errors are JSON where output is JSON", async () => {
  const result = await runMillrace("list", "--coordinator", "127.0.0.1:9", "-o", "json");
  expect(JSON.parse(result.stderr)).toMatchObject({ error: { code: "coordinator-unreachable" } });
});

test.each([
  {
    name: "missing.ts",
    error: "job-module-not-found",
    message: /there is no job module .*missing\.ts/,
    advice: "Name the file that exports the job.",
  },
  {
    name: "syntax.ts",
    code: "const a = ;",
    error: "job-module-syntax",
    message: /syntax\.ts:5:11: Unexpected token/,
    advice: "Correct the line.",
  },
  {
    name: "no-job.ts",
    code: "export const a = 1;",
    error: "job-module-invalid",
    message: /write `export default defineJob\(/,
    advice: "Correct the module; the example in the README shows a whole one.",
  },
  {
    name: "throws.ts",
    code: 'throw new Error("no table");',
    error: "job-module-failed",
    message: /no table .*throws\.ts:5:/,
    advice: "Correct the module; functions of operators run later, on the workers.",
  },
  {
    name: "loops.ts",
    code: "for (;;) {}",
    error: "job-module-timeout",
    message: /look for an endless loop/,
    advice: "Let the module only describe the job; work belongs into its functions.",
  },
])("the module $name is refused before anything is submitted", async (example) => {
  const { name, code, error, message, advice } = example;
  const path = code === undefined ? join(modules.folder, name) : await modules.add(name, code);
  // No coordinator answers: a command that came as far as that would end with 3.
  const where = ["--coordinator", "127.0.0.1:9"];
  const result = await runMillrace("run", path, ...where, "--load-timeout", "2000");
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain(`error[${error}]: `);
  expect(result.stderr).toMatch(message);
  expect(result.stderr).toContain(advice);
});

test("a port in use is named", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const args = ["--bind", `127.0.0.1:${port}`, "--data", join(modules.folder, "data")];
  const result = await runMillrace("coordinator", ...args);
  server.close();
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain("error[port-in-use]: ");
  expect(result.stderr).toContain(`127.0.0.1:${port}`);
  expect(result.stderr).toContain("Choose another port, or end the process that has it.");
});

test.each([
  ["a coordinator", ["coordinator", "--bind", "127.0.0.1:0"]],
  ["a worker", ["worker"]],
])("the data folder of %s that cannot be made is named", async (_what, command) => {
  // A file in the folder's place: permissions would not refuse root.
  const file = await modules.add(`a-file-${command[0]}`, "");
  const result = await runMillrace(...command, "--data", join(file, "data"));
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain("error[folder-not-writable]: the data folder");
  expect(result.stderr).toContain(join(file, "data"));
  expect(result.stderr).toContain("Choose another folder, or give this user the right to write");
});

test("an input that is missing fails the job and names the path", async () => {
  const path = await modules.add(
    "no-input.ts",
    `export default defineJob("no-input", (job) => {
      job.source("lines", textLines({ path: "no/such/folder" })).print();
    });`,
  );
  const result = await runMillrace("dev", path);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("error[input-not-found]: there is no file or folder");
  expect(result.stderr).toContain(join(repositoryFolder, "no/such/folder"));
  expect(result.stderr).toContain("operator lines");
  expect(result.stderr).toContain(
    "Correct the path; relative paths begin where the job is submitted.",
  );
});

test("an input that is no Parquet file fails the job after three tries and names the file", async () => {
  const input = await modules.add("flights.parquet", "this is text");
  const path = await modules.add(
    "unreadable.ts",
    `export default defineJob("unreadable", (job) => {
      job.source("flights", parquet<{ id: number }>({ path: ${JSON.stringify(input)} })).print();
    });`,
  );
  const result = await runMillrace("dev", path);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain(`error[input-unreadable]: cannot read ${input}: `);
  expect(result.stderr).toContain("check that it is a whole Parquet file that this user may read");
  expect(result.stderr).toContain("operator flights");
  expect(result.stderr).toContain("attempt 3 failed: input-unreadable");
});

test("an output folder that cannot be made fails the job and names it", async () => {
  const file = await modules.add("another-file", "");
  const path = await modules.add(
    "no-output.ts",
    `export default defineJob("no-output", (job) => {
      job.source("letters", elements(["a"])).map((letter) => ({ letter }))
        .sink("board", jsonLines({ path: ${JSON.stringify(join(file, "out"))} }));
    });`,
  );
  const result = await runMillrace("dev", path);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toMatch(/^error\[folder-not-writable\]: .*operator board/m);
  expect(result.stderr).toContain(join(file, "out"));
  expect(result.stderr).toContain("Choose another folder, or give this user the right to write");
  // What stood in the folder's place is as it was.
  expect(await readFile(file, "utf8")).toContain("import { defineJob");
});

test("more parallelism than slots waits, says so, and times out", async () => {
  const job = "packages/examples/src/word-count/word-count.ts";
  const result = await runMillrace("dev", job, "--parallelism", "3", "--slot-wait", "6000");
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toMatch(/waits for slots: needs 3, [0-2] free/);
  expect(result.stderr).toContain("error[no-slots]: the job needs 3 slots and only 2 are free; ");
  expect(result.stderr).toContain("Start more workers (millrace worker --slots n)");
});

test("the worker of a port in use for its metrics is refused", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const data = join(modules.folder, "worker-data");
  const result = await runMillrace("worker", "--metrics-port", String(port), "--data", data);
  server.close();
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain(`error[port-in-use]: the metrics endpoint 127.0.0.1:${port}`);
});
