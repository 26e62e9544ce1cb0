/**
 * A coordinator while it leads: its registry, its jobs, its garbage collection. Made after the
 * election, closed for good when it is deposed.
 *
 * I1 Each job of the metadata has one runner.
 * I2 Closing it changes nothing in the stores (S6).
 */
import { toFailureData, type JobId, type MessageSession } from "@millrace/core";
import type { SubmitJobRequest } from "@millrace/rpc";

import { answerCall, type JobServiceOptions } from "../calls/job-service.ts";
import { submitJob } from "../calls/submit.ts";
import { createGarbageCollector } from "../checkpoint/gc.ts";
import type { CoordinatorContext } from "../context.ts";
import type { JobMemory } from "../job/job-memory.ts";
import { JobRunner } from "../job/job-runner.ts";
import { countStates, type CoordinatorMetrics, type JobMetrics } from "../metrics.ts";
import { verifyOneAtATime } from "../verify/verify-one-at-a-time.ts";
import { renewClusterMark } from "./cluster-marker.ts";
import { createFailureDetector, type FailureDetector } from "./failure-detector.ts";
import { WorkerRegistry } from "./registry.ts";

/** Labels are bounded: of more jobs, only the newest are measured one by one. */
const maxMeasuredJobs = 100;

export class Leader {
  readonly #context: CoordinatorContext;
  readonly #registry: WorkerRegistry;
  readonly #detector: FailureDetector;
  readonly #runners = new Map<JobId, JobRunner>();
  readonly #service: JobServiceOptions;
  #gcTimer: Disposable | undefined;
  #staleMessageCount = 0;
  #removedObjectCount = 0;

  constructor(context: CoordinatorContext) {
    this.#context = context;
    const { clock, config, clusterId } = context;
    const { heartbeatIntervalMs, heartbeatTimeoutMs, version } = config;
    const { leaderEpoch } = context.leadership;
    this.#detector = createFailureDetector({
      clock,
      intervalMs: heartbeatIntervalMs,
      timeoutMs: heartbeatTimeoutMs,
      onSilent: (workerId) =>
        this.#registry.drop(workerId, `it was silent for ${heartbeatTimeoutMs} ms`),
    });
    this.#registry = new WorkerRegistry({
      clock,
      registerTimeoutMs: heartbeatTimeoutMs,
      logger: context.logger,
      detector: this.#detector,
      welcome: { kind: "welcome", leaderEpoch, clusterId, heartbeatIntervalMs, heartbeatTimeoutMs },
      version,
      handlers: {
        onWorkerLost: (workerId, reason) => {
          for (const runner of this.#runners.values()) runner.onWorkerLost(workerId, reason);
        },
        onWorkerDraining: (workerId) => {
          for (const runner of this.#runners.values()) runner.onWorkerDraining(workerId);
        },
        onSlotLost: (jobId, workerId, slotIndex) =>
          this.#runners.get(jobId)?.onSlotLost(workerId, slotIndex),
        onSlotsChanged: () => {
          for (const runner of this.#runners.values()) runner.onSlotsChanged();
        },
        onMessage: (workerId, message) => {
          const runner = this.#runners.get(message.ref.jobId);
          if (runner === undefined) this.#staleMessageCount += 1;
          else runner.onMessage(workerId, message);
        },
        onMetrics: (jobId, subtasks) => this.#runners.get(jobId)?.onMetrics(subtasks),
      },
    });
    this.#service = {
      clock,
      clusterId,
      leaderEpoch,
      version,
      runners: this.#runners,
      submit: (request) => this.#submit(request),
      describeWorkers: () => this.#registry.describe(),
      ...createVerifying(context),
    };
  }

  /** Takes the jobs up and begins to collect garbage. */
  begin(jobs: readonly JobMemory[]): void {
    for (const job of jobs) this.#adopt(job);
    this.#scheduleCollection();
  }

  accept(session: MessageSession): void {
    this.#registry.accept(session);
  }

  answer(method: string, message: Uint8Array): Promise<Uint8Array> {
    return answerCall(this.#service, method, message);
  }

  close(): void {
    this.#gcTimer?.[Symbol.dispose]();
    this.#detector[Symbol.dispose]();
    for (const runner of this.#runners.values()) runner.close();
    this.#registry.close();
  }

  readMetrics(): Omit<CoordinatorMetrics, "metadataFailureCount"> {
    const workers = this.#registry.describe();
    const runners = [...this.#runners.values()];
    return {
      isLeading: !this.#context.signal.aborted,
      workerCount: workers.length,
      slotCount: workers.reduce((sum, { slotCount }) => sum + slotCount, 0),
      freeSlotCount: workers.reduce((sum, { freeSlotCount }) => sum + freeSlotCount, 0),
      jobCounts: countStates(runners.map((runner) => runner.state())),
      staleMessageCount: this.#staleMessageCount,
      removedObjectCount: this.#removedObjectCount,
      jobs: runners.slice(-maxMeasuredJobs).map(metricsOf),
    };
  }

  async #submit(request: SubmitJobRequest): Promise<JobId> {
    const { job, isNew } = await submitJob(this.#context, request);
    this.#context.signal.throwIfAborted();
    const { jobId, jobName } = job.record;
    if (isNew) this.#context.logger.log("info", "job submitted", { jobId, jobName });
    this.#adopt(job);
    return jobId;
  }

  #adopt(job: JobMemory): void {
    const { jobId } = job.record;
    if (this.#runners.has(jobId)) return;
    const runner = new JobRunner({
      context: this.#context,
      registry: this.#registry,
      job,
      onStale: () => {
        this.#staleMessageCount += 1;
      },
    });
    this.#runners.set(jobId, runner);
    runner.begin();
  }

  #scheduleCollection(): void {
    const { clock, config } = this.#context;
    const collector = createGarbageCollector(this.#context);
    const schedule = (): void => {
      this.#gcTimer = clock.schedule(config.gcPeriodMs, () => {
        // What a round cannot do is logged; the next one follows in any case.
        void collector
          .collect([...this.#runners.keys()])
          .then((removedCount) => {
            this.#removedObjectCount += removedCount;
          })
          .then(() => this.#renewMark())
          .catch((caught: unknown) => this.#logGarbageFailure(caught))
          .then(() => {
            if (!this.#context.signal.aborted) schedule();
          });
      });
    };
    schedule();
  }

  /** So that metadata set back to a backup from before this moment is known for it (F33). */
  #renewMark(): Promise<void> {
    const { clusterId, metadata } = this.#context;
    return renewClusterMark(this.#context, { clusterId, revision: metadata.lastRevision() });
  }

  #logGarbageFailure(caught: unknown): void {
    if (this.#context.signal.aborted) return;
    const { code, message } = toFailureData(caught);
    this.#context.logger.log("error", "garbage collection failed", { code, cause: message });
  }
}

function createVerifying(context: CoordinatorContext): Pick<JobServiceOptions, "verify"> {
  const { compressor } = context;
  if (compressor === undefined) return {};
  return { verify: verifyOneAtATime({ ...context, compressor }) };
}

function metricsOf(runner: JobRunner): JobMetrics {
  const { stats, job } = runner;
  const restores = runner.recovery.totals();
  return {
    jobId: job.record.jobId,
    jobName: job.record.jobName,
    state: runner.state(),
    checkpointsCompleted: stats.completed,
    checkpointsFailed: stats.failed,
    checkpointDurationMsTotal: stats.durationMsTotal,
    checkpointBytesTotal: stats.bytesTotal,
    lastCheckpointDurationMs: stats.lastDurationMs,
    lastCheckpointBytes: stats.lastBytes,
    restartCount: restores.count,
    lastRestoreMs: restores.lastMs,
    restoreMsTotal: restores.durationMsTotal,
  };
}
