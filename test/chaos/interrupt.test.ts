import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { repository } from "../e2e/real-cluster.ts";

const run = promisify(execFile);

/** Returns the processes that the process has started. */
async function childrenOf(processId: number): Promise<readonly number[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,ppid="]);
  return stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid = 0, parent]) => (parent === processId ? [pid] : []));
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}

test(
  "L5: a chaos run that is interrupted leaves no process and no data",
  { timeout: 180_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-interrupt-"));
    const report = join(folder, "report.json");
    const child = spawn(
      process.execPath,
      ["--conditions=@millrace/source", "test/chaos/chaos.ts", "--kills", "5", "--report", report],
      {
        cwd: repository,
        env: { ...process.env, TMPDIR: folder },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes("faults to come")) break;
    }
    const children = await childrenOf(child.pid ?? 0);
    // Three of etcd, one S3 server, two coordinators, four workers.
    expect(children).toHaveLength(10);
    const exited = once(child, "exit");
    child.kill("SIGINT");
    expect(await exited).toEqual([130, null]);
    expect(children.filter(isAlive)).toEqual([]);
    const left = (await readdir(folder)).filter((name) => name !== "millrace-compile-cache");
    expect(left.toSorted()).toEqual(["report.history.jsonl", "report.json"]);
    await rm(folder, { recursive: true });
  },
);
