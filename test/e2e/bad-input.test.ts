import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { repositoryFolder, runMillrace } from "./run-millrace.ts";

// In the examples' package, so that the modules find the API and the connectors.
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(repositoryFolder, "packages/examples/node_modules/bad-input-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const imports = `
import { jsonLines, textLines } from "@millrace/file";
import { defineJob, elements } from "millrace";
`;

async function moduleWith(name: string, code: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${imports}${code}`);
  return path;
}

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
  ["missing.ts", undefined, "job-module-not-found", "there is no job module"],
  ["syntax.ts", "const a = ;", "job-module-syntax", /syntax\.ts:4:11: Unexpected token/],
  ["no-job.ts", "export const a = 1;", "job-module-invalid", "write `export default defineJob("],
  ["throws.ts", 'throw new Error("no table");', "job-module-failed", /no table .*throws\.ts:4:/],
  ["loops.ts", "for (;;) {}", "job-module-timeout", "look for an endless loop"],
])("the module %s is refused before anything is submitted", async (name, code, error, message) => {
  const path = code === undefined ? join(folder, name) : await moduleWith(name, code);
  const result = await runMillrace("run", path, "--load-timeout", "2000");
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain(`error[${error}]: `);
  expect(result.stderr).toMatch(message);
});

test("a port in use is named", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const args = ["--bind", `127.0.0.1:${port}`, "--data", join(folder, "data")];
  const result = await runMillrace("coordinator", ...args);
  server.close();
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain("error[port-in-use]: ");
  expect(result.stderr).toContain(`127.0.0.1:${port}`);
  expect(result.stderr).toContain("Choose another port, or end the process that has it.");
});

test("a data folder that cannot be made is named", async () => {
  const file = await moduleWith("a-file", "");
  const result = await runMillrace("worker", "--data", join(file, "data"));
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain(`error[folder-not-writable]: `);
  expect(result.stderr).toContain(join(file, "data"));
});

test("an input that is missing fails the job and names the path", async () => {
  const path = await moduleWith(
    "no-input.ts",
    `export default defineJob("no-input", (job) => {
      job.source("lines", textLines({ path: "no/such/folder" })).print();
    });`,
  );
  const result = await runMillrace("dev", path);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("error[input-not-found]: there is no file or folder");
  expect(result.stderr).toContain(join(repositoryFolder, "no/such/folder"));
});

test("an output folder that cannot be made fails the job and names it", async () => {
  const file = await moduleWith("another-file", "");
  const path = await moduleWith(
    "no-output.ts",
    `export default defineJob("no-output", (job) => {
      job.source("letters", elements(["a"])).map((letter) => ({ letter }))
        .sink("board", jsonLines({ path: ${JSON.stringify(join(file, "out"))} }));
    });`,
  );
  const result = await runMillrace("dev", path);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("error[folder-not-writable]: ");
  expect(result.stderr).toContain(join(file, "out"));
});

test("a throw in an author's function names the operator and the record's position", async () => {
  const path = await moduleWith(
    "throws-late.ts",
    `export default defineJob("throws-late", (job) => {
      job.defaults({ restart: { maxFailures: 0 } });
      job.source("letters", elements(["a", "b"]))
        .map((letter) => { if (letter === "b") throw new TypeError("no b"); return letter; }, { name: "upper" })
        .print();
    });`,
  );
  const result = await runMillrace("dev", path);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toMatch(/error\[(user-function-failed|restart-limit)\]: .*no b/);
  expect(result.stderr).toContain("upper");
  expect(result.stderr).toContain("position split all at 1");
  expect(result.stderr).toMatch(/^ {4}at .*throws-late\.ts:\d+:\d+\)?$/m);
});

test("a record that cannot be encoded is named by its field", async () => {
  const path = await moduleWith(
    "function-record.ts",
    `export default defineJob("function-record", (job) => {
      job.defaults({ restart: { maxFailures: 0 } });
      job.source("letters", elements(["a"]))
        .map((letter) => ({ letter, callback: () => letter }))
        .keyBy(({ letter }) => letter).count("counts").print();
    });`,
  );
  const result = await runMillrace("dev", path);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toMatch(/error\[(record-not-encodable|restart-limit)\]: .*callback/);
});

test("more parallelism than slots waits, says so, and times out", async () => {
  const job = "packages/examples/src/word-count/word-count.ts";
  const result = await runMillrace("dev", job, "--parallelism", "3", "--slot-wait", "1000");
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("waits for slots: needs 3, 2 free");
  expect(result.stderr).toContain("error[no-slots]: ");
  expect(result.stderr).toContain("Start more workers (millrace worker --slots n)");
});

test("the worker of a port in use for its metrics is refused", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const data = join(folder, "worker-data");
  const result = await runMillrace("worker", "--metrics-port", String(port), "--data", data);
  server.close();
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain(`error[port-in-use]: the metrics endpoint 127.0.0.1:${port}`);
});
