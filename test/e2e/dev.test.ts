import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { expect, test } from "vitest";

import { repositoryFolder, runMillrace } from "./run-millrace.ts";

const wordCount = "packages/examples/src/word-count/word-count.ts";
const texts = join(repositoryFolder, "packages/examples/texts");

async function countWords(): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const name of await readdir(texts)) {
    const text = await readFile(join(texts, name), "utf8");
    for (const word of text.toLowerCase().match(/[a-z]+/g) ?? [])
      counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

async function readCounts(folder: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  const [jobId = ""] = await readdir(folder);
  for (const name of await readdir(join(folder, jobId))) {
    if (!name.endsWith(".jsonl")) continue;
    for (const line of (await readFile(join(folder, jobId, name), "utf8")).trimEnd().split("\n")) {
      const { word, count }: { word: string; count: number } = JSON.parse(line);
      counts[word] = Math.max(counts[word] ?? 0, count);
    }
  }
  return counts;
}

test("dev runs word-count to its end with the right counts and leaves no process", async () => {
  const out = await mkdtemp(join(tmpdir(), "millrace-words-"));
  const startedAtMs = performance.now();
  const result = await runMillrace("dev", wordCount, "--param", `out=${out}`);
  process.stdout.write(`dev ran word-count in ${Math.round(performance.now() - startedAtMs)} ms\n`);
  expect(result).toMatchObject({ exitCode: 0 });
  expect(await readCounts(out)).toEqual(await countWords());
  for (const [, processId = ""] of result.stderr.matchAll(/starts, pid (\d+)/g)) {
    expect(() => process.kill(Number(processId), 0)).toThrow("ESRCH");
  }
  await rm(out, { recursive: true });
});

test("the textbook job prints its sums, the first soon after the start", async () => {
  const result = await runMillrace("dev", "packages/examples/src/textbook/textbook.ts");
  expect(result.exitCode).toBe(0);
  const [, seconds = "", unit = ""] =
    /first records seen ([\d.]+) (m?s) after/.exec(result.stderr) ?? [];
  process.stdout.write(`first record of a small job under dev after ${seconds} ${unit}\n`);
  // 1.2 s on a quiet machine with two cores; other tests run beside this one.
  expect(unit === "ms" ? Number(seconds) / 1_000 : Number(seconds)).toBeLessThan(6);
  const lines = result.stdout.trimEnd().split("\n");
  expect(lines.filter((line) => line.includes('"a"'))).toHaveLength(2);
  expect(lines).toHaveLength(4);
});

test("the processes of dev end when dev is killed", async () => {
  const main = join(repositoryFolder, "packages/cli/dist/main.js");
  const slow = ["packages/examples/src/textbook/textbook.ts", "--param", "rate=0.1"];
  const dev = spawn(process.execPath, [main, "dev", ...slow], { cwd: repositoryFolder });
  const processIds: number[] = [];
  for await (const line of createInterface({ input: dev.stderr })) {
    const [, processId] = /starts, pid (\d+)/.exec(line) ?? [];
    if (processId !== undefined) processIds.push(Number(processId));
    if (line.includes("job running")) break;
  }
  dev.kill("SIGKILL");
  await once(dev, "exit");
  expect(processIds).toHaveLength(3);
  await expect.poll(() => processIds.filter(isAlive), { timeout: 5_000 }).toEqual([]);
});

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}
