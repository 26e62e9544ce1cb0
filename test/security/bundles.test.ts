import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "../e2e/job-modules.ts";
import { runMillrace } from "../e2e/run-millrace.ts";
import { freePort, startProcess, type StartedProcess } from "./process-kit.ts";

let modules: JobModules;
let folder = "";
let address = "";
let coordinator: StartedProcess;

beforeAll(async () => {
  modules = await JobModules.create();
  folder = await mkdtemp(join(tmpdir(), "millrace-bundles-"));
  address = `127.0.0.1:${await freePort()}`;
  coordinator = await startProcess(["coordinator", "--bind", address, ...data()]);
});

afterAll(async () => {
  await coordinator[Symbol.asyncDispose]();
  await modules[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const data = (): readonly string[] => ["--data", join(folder, "data")];

/** Submits the job without waiting for it; returns its id. */
async function submit(path: string): Promise<string> {
  const flags = ["--coordinator", address, "--detach", "--parallelism", "1", "-o", "json"];
  const { exitCode, stdout, stderr } = await runMillrace("run", path, ...flags);
  expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
  const answer: unknown = JSON.parse(stdout.split("\n")[0] ?? "");
  return String((answer as { readonly jobId?: unknown }).jobId);
}

async function describe(jobId: string): Promise<Readonly<Record<string, unknown>>> {
  const flags = ["--coordinator", address, "-o", "json"];
  const { stdout } = await runMillrace("describe", jobId, ...flags);
  const value: unknown = JSON.parse(stdout);
  return typeof value === "object" && value !== null ? { ...value } : {};
}

test("SEC5: a bundle that was exchanged in the store is not run, and is made good by submitting again", async () => {
  const mark = join(folder, "the-exchanged-code-ran");
  const path = await modules.add(
    "exchanged.ts",
    `export default defineJob("exchanged", (job) => {
      job.defaults({ restart: { maxFailures: 0 } });
      job.source("letters", elements(["a", "b"])).print();
    });`,
  );
  const jobId = await submit(path);
  const bundles = join(folder, "data/objects/bundles");
  const [name = ""] = await readdir(bundles);
  const before = await readFile(join(bundles, name));
  const evil = `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(mark)}, "");\n`;
  // Of the same length, as a careful hand would leave it.
  await writeFile(join(bundles, name), evil.padEnd(before.length, " ").slice(0, before.length));
  await using worker = await startProcess([
    "worker",
    "--coordinator",
    address,
    "--id",
    "w",
    ...data(),
  ]);
  expect(worker.ready).toBeDefined();
  await expect
    .poll(() => describe(jobId), { timeout: 30_000, interval: 500 })
    .toMatchObject({ state: "failed" });
  const failure = JSON.stringify(await describe(jobId));
  expect(failure).toMatch(/bundle-invalid/);
  expect(failure).toContain("its SHA-256 is");
  await expect(stat(mark)).rejects.toThrow("ENOENT");
  const again = await submit(path);
  expect(await readFile(join(bundles, name))).toEqual(before);
  await expect
    .poll(() => describe(again), { timeout: 30_000, interval: 500 })
    .toMatchObject({ state: "finished" });
});

test("a server that is no coordinator at all is named as unreachable, and the command ends", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("SSH-2.0-OpenSSH_9.2\r\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" ? (bound?.port ?? 0) : 0;
  const { exitCode, stderr } = await runMillrace("list", "--coordinator", `127.0.0.1:${port}`);
  server.close();
  expect([exitCode, stderr]).toEqual([3, expect.stringContaining("coordinator-unreachable")]);
});
