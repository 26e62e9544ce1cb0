import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { StreamError, type JobId } from "@millrace/core";
import { parseJobGraph, widestThatFits } from "@millrace/graph";
import { createNodeClock } from "@millrace/platform";
import type { JobDescription, SubmitJobRequest } from "@millrace/rpc";

import type { JobClient } from "../client/job-client.ts";
import type { SubmissionOptions } from "../job/prepare-submission.ts";
import { formatDuration, type Output } from "../output.ts";
import { findPort } from "./find-port.ts";
import { createNodeProcessHost } from "./node-process-host.ts";
import { Supervisor } from "./supervisor.ts";

const preferredPort = 8_471;
const defaultWorkerCount = 2;
const orphanTimeoutMs = 10_000;

export interface DevOptions extends SubmissionOptions {
  readonly module: string;
  /** One-slot workers; two unless set. */
  readonly workerCount?: number;
  /** Kept afterwards; absent: a temporary folder that goes with the cluster. */
  readonly dataFolder?: string;
  /** How long the job waits for slots; the coordinator's default unless set. */
  readonly slotWaitMs?: number;
  readonly output: Output;
}

/**
 * Runs a job on a cluster of real processes on this machine, which goes when the job has ended; returns
 * the job as it ended, or undefined when it was interrupted. Throws what keeps it from running.
 */
export async function runDev(options: DevOptions): Promise<JobDescription | undefined> {
  await using cluster = await startCluster(options);
  const { output } = options;
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) {
      cluster.supervisor.kill();
      process.exit(130);
    }
    output.note("interrupted: ending the cluster (once more ends it at once)");
    cluster.supervisor.expectEnd();
    interrupted.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    // Loaded while the processes start.
    const { createGrpcNetwork } = await import("@millrace/rpc");
    const { createJobClient } = await import("../client/job-client.ts");
    const { followJob } = await import("../client/follow-job.ts");
    const { prepareSubmission } = await import("../job/prepare-submission.ts");
    await using network = createGrpcNetwork();
    const client = createJobClient(network, [cluster.address], createNodeClock());
    const prepared = await Promise.race([
      prepareSubmission(options.module, options),
      cluster.failed,
    ]);
    const request = withParallelism(prepared, options.workerCount ?? defaultWorkerCount);
    const jobId = await Promise.race([submit(client, request, interrupted.signal), cluster.failed]);
    if (jobId === undefined) return undefined;
    if (output.format === "text") output.note(`job ${jobId} is submitted`);
    else output.result({ jobId }, () => "");
    const follow = followJob(client, {
      jobId,
      output,
      signal: interrupted.signal,
      onFirstRecord: () => {
        const took = formatDuration(performance.now() - cluster.startedAtMs);
        if (output.format === "text") output.note(`first records seen ${took} after the start`);
      },
    });
    return await Promise.race([follow, cluster.failed]);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    if (interrupted.signal.aborted) process.exitCode = 130;
  }
}

interface Cluster extends AsyncDisposable {
  readonly address: string;
  readonly supervisor: Supervisor;
  readonly startedAtMs: number;
  /** Rejects when a process cannot be kept alive; never resolves. */
  readonly failed: Promise<never>;
}

async function startCluster(options: DevOptions): Promise<Cluster> {
  const { output, workerCount = defaultWorkerCount, dataFolder } = options;
  const startedAtMs = performance.now();
  const folder = resolve(dataFolder ?? (await mkdtemp(join(tmpdir(), "millrace-dev-"))));
  await mkdir(folder, { recursive: true });
  const address = `127.0.0.1:${await findPort(preferredPort)}`;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  // It is raced against; on its own it must not end the process.
  failed.catch(() => undefined);
  const supervisor = createSupervisor(output, reject);
  const logFile = (name: string): string => join(folder, `${name}.log`);
  const { slotWaitMs } = options;
  const slotWait = slotWaitMs === undefined ? [] : ["--slot-wait", String(slotWaitMs)];
  supervisor.add({
    name: "coordinator",
    args: ["coordinator", "--bind", address, "--data", folder, "--heartbeat", "250", ...slotWait],
    logFile: logFile("coordinator"),
  });
  for (let index = 1; index <= workerCount; index += 1) {
    const name = `worker-${index}`;
    const place = ["--coordinator", address, "--data", folder];
    const limits = ["--slots", "1", "--orphan-timeout", String(orphanTimeoutMs)];
    // What the module may read, its functions may read too: it is the author's own machine.
    const { environment } = options;
    const passed = environment.length === 0 ? [] : ["--pass-env", environment.join(",")];
    supervisor.add({
      name,
      args: ["worker", "--id", name, ...place, ...limits, ...passed],
      logFile: logFile(name),
    });
  }
  if (output.format === "text") {
    output.note(
      `coordinator at ${address}, data in ${folder}\n` +
        "kill a worker with kill -9 <pid>: another process takes its place and the job goes on from its\n" +
        "latest checkpoint, with the same result; the coordinator may be killed as well",
    );
  }
  return {
    address,
    supervisor,
    startedAtMs,
    failed,
    [Symbol.asyncDispose]: async () => {
      await supervisor.stop();
      if (dataFolder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function createSupervisor(output: Output, onFailure: (error: StreamError) => void): Supervisor {
  const tell = (event: string, name: string, processId: number, text: string): void => {
    if (output.format === "text") output.note(text);
    else output.result({ event, name, processId }, () => "");
  };
  const ports = { clock: createNodeClock(), host: createNodeProcessHost() };
  return new Supervisor(ports, {
    onStart: (name, processId, isRestart) =>
      tell(
        "started",
        name,
        processId,
        `${name} ${isRestart ? "is back" : "starts"}, pid ${processId}`,
      ),
    onExit: (name, processId, how) =>
      tell("exited", name, processId, `${name} (pid ${processId}) ${how}; starting it again`),
    onFailure,
  });
}

// Where nothing is said the free slots decide; here not all of them may be up yet.
function withParallelism(request: SubmitJobRequest, slotCount: number): SubmitJobRequest {
  const plan = parseJobGraph(request.planJson);
  const { parallelism, maxParallelism } = plan.settings;
  if (request.parallelism !== undefined || parallelism !== "default") return request;
  return { ...request, parallelism: widestThatFits(plan, slotCount, Math.min(8, maxParallelism)) };
}

// The same request id again answers with the same job (F3), so a lost answer does no harm.
async function submit(
  client: JobClient,
  request: SubmitJobRequest,
  signal: AbortSignal,
): Promise<JobId | undefined> {
  while (!signal.aborted) {
    try {
      const { jobId } = await client.call("SubmitJob", request, 30_000);
      return jobId;
    } catch (error) {
      if (!StreamError.is(error, "coordinator-unreachable")) throw error;
      await sleep(25);
    }
  }
  return undefined;
}
