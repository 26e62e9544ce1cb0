import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { RealCluster } from "./real-cluster.ts";
import { runMillrace, type CommandResult } from "./run-millrace.ts";

const examples = "packages/examples/src";
let cluster: RealCluster | undefined;

beforeAll(async () => {
  cluster = await RealCluster.start({ workerCount: 1, slotsPerWorker: 2 });
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

function millrace(...args: readonly string[]): Promise<CommandResult> {
  return runMillrace(...args, "--coordinator", cluster?.address ?? "");
}

async function submit(job: string, ...params: readonly string[]): Promise<string> {
  const path = join(examples, job, `${job}.ts`);
  const flags = params.flatMap((param) => ["--param", param]);
  const result = await millrace("run", path, "--detach", "-o", "json", ...flags);
  expect(result).toMatchObject({ exitCode: 0 });
  const { jobId }: { jobId: string } = JSON.parse(result.stdout);
  return jobId;
}

async function stateOf(jobId: string): Promise<string> {
  const { stdout } = await millrace("describe", jobId, "-o", "json");
  const { state }: { state: string } = JSON.parse(stdout);
  return state;
}

test("run follows a job to its end and prints what it prints", async () => {
  const result = await millrace("run", `${examples}/textbook/textbook.ts`);
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toContain('sum: {"key":"a","value":2}');
  expect(result.stderr).toContain("job finished");
});

test("stop takes a savepoint that checkpoints and describe show", async () => {
  const out = join(cluster?.folder ?? "", "out");
  await mkdir(out, { recursive: true });
  const jobId = await submit("departure-delays", "rate=20000", `out=${out}`, "checkpointMs=500");
  await expect.poll(() => stateOf(jobId), { timeout: 20_000 }).toBe("running");
  const stopped = await millrace("stop", jobId);
  expect(stopped).toMatchObject({ exitCode: 0 });
  expect(stopped.stdout).toMatch(new RegExp(`^${jobId} is stopped, savepoint \\d+\n$`));
  expect(stopped.stderr).toContain(`millrace run <job> --from ${jobId}`);
  const [headings = "", head = ""] = (await millrace("checkpoints", jobId)).stdout.split("\n");
  expect(headings).toMatch(/^ID +KIND +COMPLETED/);
  expect(head).toMatch(/^\d+ \(head\) +savepoint/);
  const described = (await millrace("describe", jobId)).stdout;
  expect(described).toMatch(/^state +stopped$/m);
  expect(described).toMatch(/^head +savepoint \d+/m);
  expect((await millrace("list")).stdout).toMatch(
    new RegExp(`^${jobId} +departure-delays +stopped`, "m"),
  );
});

test("cancel ends a job, and logs tells its story", async () => {
  const jobId = await submit("textbook", "rate=0.05");
  await expect.poll(() => stateOf(jobId), { timeout: 20_000 }).toBe("running");
  const following = millrace("logs", "--follow", jobId);
  expect((await millrace("cancel", jobId)).stdout).toBe(`${jobId} is being cancelled\n`);
  const { exitCode, stdout } = await following;
  expect(exitCode).toBe(0);
  expect(stdout).toContain("job running");
  expect(stdout).toContain("job cancelled");
});

test("a job that is not there is named", async () => {
  const result = await millrace("describe", "no-such-job");
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain("error[not-found]: there is no job no-such-job");
});
