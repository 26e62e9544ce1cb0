/** `pnpm bench startup`: from the start of the first process to what a user waits for. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { repository } from "../../e2e/real-cluster.ts";
import { findPorts } from "../../servers/server-process.ts";
import { FlinkCluster } from "../flink/flink-cluster.ts";
import { readSamples } from "../job/read-samples.ts";
import type { Benchmark, BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";

export const startup: Benchmark = {
  name: "startup",
  summary: "`millrace dev` to the first record at a sink; coordinator and 2 workers to free slots",
  run: runBenchmark,
};

const main = join(repository, "packages/cli/dist/main.js");
const module = fileURLToPath(new URL("../wordcount/word-count-job.ts", import.meta.url));
const words = 100_000;
const workers = 2;
const giveUpMs = 60_000;

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const dev: number[] = [];
  const ready: number[] = [];
  const flinkReady: number[] = [];
  const flinkFirst: number[] = [];
  // The first of each fills caches of compiled code, as after an installation.
  for (let run = 0; run <= context.runs; run += 1) {
    const [devMs, readyMs] = [await measureDev(), await measureReady()];
    context.note(`run ${run}: dev ${Math.round(devMs)} ms, ready ${Math.round(readyMs)} ms`);
    if (run === 0) continue;
    dev.push(devMs);
    ready.push(readyMs);
    if (!context.isAgainstFlink) continue;
    const flink = await measureFlink();
    flinkReady.push(flink.readyMs);
    flinkFirst.push(flink.firstMs);
  }
  const flinkFigures = [
    { what: "Flink: JobManager and 2 TaskManagers registered", unit: "ms", values: flinkReady },
    { what: "Flink: from there to the first record", unit: "ms", values: flinkFirst },
  ];
  return {
    figures: [
      { what: "millrace dev to the first record at the sink", unit: "ms", values: dev },
      {
        what: "coordinator and 2 workers, started together, to 2 free slots",
        unit: "ms",
        values: ready,
      },
      ...flinkFigures.filter(({ values }) => values.length > 0),
    ],
    goals: [
      { what: "dev to the first record", unit: "ms", measured: medianOf(dev), atMost: 1_500 },
      { what: "coordinator and 2 workers", unit: "ms", measured: medianOf(ready), atMost: 1_000 },
    ],
  };
}

/** Returns milliseconds; the sink notes its first record itself. */
async function measureDev(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-startup-"));
  const samples = join(folder, "samples");
  const params = [
    `words=${words}`,
    `splits=${workers}`,
    "vocabulary=1000",
    "distribution=uniform",
    "checkpointMs=0",
    `samples=${samples}`,
  ].flatMap((param) => ["--param", param]);
  try {
    const startedAtMs = Date.now();
    const dev = start(["dev", module, "--parallelism", String(workers), ...params]);
    await once(dev, "exit");
    if (dev.exitCode !== 0) throw new Error(`millrace dev ended with ${dev.exitCode}`);
    const sinks = await readSamples(samples, "sink");
    return Math.min(...sinks.map((points) => points[0]?.atMs ?? Infinity)) - startedAtMs;
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

/** Returns milliseconds until the coordinator's metrics show the slots of both workers. */
async function measureReady(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-startup-"));
  const [port = 0, metricsPort = 0] = await findPorts(2);
  const address = `127.0.0.1:${port}`;
  const children: ChildProcess[] = [];
  try {
    const startedAtMs = performance.now();
    const metrics = ["--metrics-port", String(metricsPort)];
    children.push(start(["coordinator", "--bind", address, "--data", folder, ...metrics]));
    for (let index = 0; index < workers; index += 1) {
      const who = ["--id", `worker-${index}`, "--slots", "1"];
      children.push(start(["worker", "--coordinator", address, "--data", folder, ...who]));
    }
    while ((await readFreeSlots(metricsPort)) !== workers) {
      if (performance.now() - startedAtMs > giveUpMs) throw new Error("the slots did not come");
      await delay(10);
    }
    return performance.now() - startedAtMs;
  } finally {
    await Promise.all(children.map(end));
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

async function measureFlink(): Promise<{ readonly readyMs: number; readonly firstMs: number }> {
  await using cluster = await FlinkCluster.start({ taskManagers: workers });
  const samples = await mkdtemp(join(cluster.folder, "samples-"));
  const submittedAtMs = Date.now();
  await cluster.run({ job: "wordcount", p: workers, vocab: 1_000, n: words, samples });
  const sources = await readSamples(samples, "source");
  const firstAtMs = Math.min(...sources.map((points) => points[0]?.atMs ?? Infinity));
  return { readyMs: cluster.startedMs, firstMs: firstAtMs - submittedAtMs };
}

async function readFreeSlots(metricsPort: number): Promise<number | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    const [, count] = /^millrace_slots_free (\d+)/m.exec(await answer.text()) ?? [];
    return count === undefined ? undefined : Number(count);
  } catch {
    // It does not listen yet.
    return undefined;
  }
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { cwd: repository, stdio: "ignore" });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
