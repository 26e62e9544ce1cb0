import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { FlinkCluster } from "../flink/flink-cluster.ts";
import type { Recovery } from "./recover.ts";

const parallelism = 2;
const pollMs = 50;
const runMs = 8_000;
const giveUpMs = 120_000;

/**
 * Returns how long Flink takes: three one-slot TaskManagers, kill -9 of one that runs a task of the word
 * count with 100,000 words and checkpoints every second, until the first records of the next attempt.
 */
export async function recoverFlink(settings: Readonly<Record<string, string>>): Promise<Recovery> {
  await using cluster = await FlinkCluster.start({ taskManagers: 3, settings });
  const mark = join(cluster.folder, "mark");
  const stop = new AbortController();
  const args = { job: "wordcount", p: parallelism, vocab: 100_000, n: 2_000_000_000, mark };
  const job = cluster
    .run({ ...args, ckpt: 1_000, restart: "fixed-delay", samples: cluster.folder }, stop.signal)
    .then(
      () => new Error("the job came to its end"),
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
  try {
    await untilMarked(mark, (marks) => marks.length === parallelism);
    await delay(runMs);
    const killedAtMs = Date.now();
    await cluster.killTaskManager(await findTaskManager(cluster));
    const isNew = ({ attempt, atMs }: Mark): boolean => attempt > 0 && atMs > killedAtMs;
    const marks = await untilMarked(
      mark,
      (all) => new Set(all.filter(isNew).map(({ subtask }) => subtask)).size === parallelism,
    );
    const times = marks.filter(isNew).map(({ atMs }) => atMs - killedAtMs);
    return { firstMs: Math.min(...times), allMs: Math.max(...times) };
  } finally {
    stop.abort();
    await job;
  }
}

/** The first record of an attempt at a subtask. */
interface Mark {
  readonly attempt: number;
  readonly subtask: number;
  readonly atMs: number;
}

async function untilMarked(
  file: string,
  isEnough: (marks: readonly Mark[]) => boolean,
): Promise<readonly Mark[]> {
  const giveUpAtMs = performance.now() + giveUpMs;
  while (performance.now() < giveUpAtMs) {
    const text = await readFile(file, "utf8").catch(() => "");
    const marks = text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" ").map(Number))
      .map(([attempt = 0, subtask = 0, atMs = 0]) => ({ attempt, subtask, atMs }));
    if (isEnough(marks)) return marks;
    await delay(pollMs);
  }
  throw new Error(`Flink's records did not flow within ${giveUpMs / 1_000} s`);
}

/** Returns the index of a TaskManager that runs a task of the last vertex. */
async function findTaskManager(cluster: FlinkCluster): Promise<number> {
  const [, jobId = ""] = find(await cluster.get("/jobs"), /"id":"(\w+)","status":"RUNNING"/);
  const job = JSON.stringify(await cluster.get(`/jobs/${jobId}`));
  const vertexId = [...job.matchAll(/"id":"(\w{32})"/g)].at(-1)?.[1] ?? "";
  const managers = await cluster.get(`/jobs/${jobId}/vertices/${vertexId}/taskmanagers`);
  const [, index] = find(managers, /"taskmanager-id":"tm(\d+)"/);
  return Number(index);
}

function find(answer: unknown, pattern: RegExp): RegExpExecArray {
  const text = JSON.stringify(answer);
  const found = pattern.exec(text);
  if (found === null) throw new Error(`Flink answered ${text.slice(0, 500)}`);
  return found;
}
