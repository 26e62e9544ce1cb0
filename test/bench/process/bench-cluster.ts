import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { parseLogLine, textField, type LogEntry } from "../../chaos/cluster/log-entry.ts";
import { RealCluster } from "../../e2e/real-cluster.ts";
import { findChildren } from "./children.ts";

export interface JobRun {
  /** From the root of the repository. */
  readonly module: string;
  readonly parallelism: number;
  readonly params: Readonly<Record<string, string | number>>;
}

/** A checkpoint that was committed while a job ran. */
export interface CompletedCheckpoint {
  readonly atMs: number;
  readonly durationMs: number;
  readonly newBytes: number;
}

export interface BenchClusterOptions {
  /** How often the coordinator collects garbage; default: its own. */
  readonly gcPeriodMs?: number;
}

/** What a worker stored of a checkpoint, and how long that held its slots at a time. */
export interface StoredSnapshot {
  readonly atMs: number;
  readonly slicesMs: number;
  readonly p99SliceMs: number;
  readonly longestSliceMs: number;
  readonly p99SliceCpuMs: number;
  readonly longestSliceCpuMs: number;
}

const pollMs = 50;
const patienceMs = 120_000;

/**
 * A coordinator and one-slot workers as processes over a folder, observed by what they log: nobody is
 * asked while something is measured, since a command costs half a second of CPU.
 */
export class BenchCluster implements AsyncDisposable {
  readonly #cluster: RealCluster;
  /** Lines of the cluster's log, as far as it was read. */
  readonly #entries: LogEntry[] = [];

  private constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  /** Returns a cluster whose workers have registered. */
  static async start(
    workerCount: number,
    { gcPeriodMs }: BenchClusterOptions = {},
  ): Promise<BenchCluster> {
    // An inspector that is opened takes any free port, so that each process can have one.
    const environment = { NODE_OPTIONS: "--inspect-port=127.0.0.1:0" };
    const coordinatorArgs = gcPeriodMs === undefined ? [] : ["--gc-period", String(gcPeriodMs)];
    const cluster = new BenchCluster(
      await RealCluster.start({ workerCount, slotsPerWorker: 1, environment, coordinatorArgs }),
    );
    await cluster.until(`${workerCount} workers`, () =>
      cluster.workerProcessIds().length === workerCount ? true : undefined,
    );
    return cluster;
  }

  /** A folder that goes with the cluster. */
  get folder(): string {
    return this.#cluster.folder;
  }

  /** Returns the processes of the workers, in the order of their names. */
  workerProcessIds(): readonly number[] {
    const byWorker = new Map(
      this.entries("worker registered").map((entry) => [
        textField(entry, "workerId"),
        Number(textField(entry, "processId")),
      ]),
    );
    return [...byWorker]
      .toSorted(([left], [right]) => left.localeCompare(right))
      .map(([, processId]) => processId);
  }

  /** Returns the process of the coordinator: the one that is no worker's. */
  async coordinatorProcessId(): Promise<number> {
    const workers = new Set(this.workerProcessIds());
    const processId = (await findChildren()).find((id) => !workers.has(id));
    if (processId === undefined) throw new Error("the cluster has no coordinator");
    return processId;
  }

  /** Returns the log lines with this text, or with one that matches; of all processes, in order. */
  entries(message: string | RegExp): readonly LogEntry[] {
    for (const line of this.#cluster.log.slice(this.#entries.length)) {
      this.#entries.push(parseLogLine("", line, Date.now()));
    }
    return this.#entries.filter((entry) =>
      typeof message === "string" ? entry.message === message : message.test(entry.message),
    );
  }

  /** Returns the job's id once it is submitted. */
  async submit({ module, parallelism, params }: JobRun): Promise<string> {
    const answer = await this.#cluster.command(
      "run",
      module,
      "--detach",
      "--parallelism",
      String(parallelism),
      ...Object.entries(params).flatMap(([name, value]) => ["--param", `${name}=${value}`]),
    );
    if (typeof answer === "object" && answer !== null && "jobId" in answer) {
      return String(answer.jobId);
    }
    throw new Error(`the job was not submitted: ${JSON.stringify(answer)}`);
  }

  /** Returns once the job has finished; throws where it ends in another way. */
  async untilFinished(jobId: string, waitMs: number): Promise<void> {
    const what = `the end of job ${jobId}`;
    const find = (): true | undefined => {
      const state = this.entries(/^job /).findLast(({ fields }) => fields["jobId"] === jobId);
      if (state === undefined || !/^job (finished|failed|cancelled|stopped)/.test(state.message)) {
        return undefined;
      }
      if (state.message === "job finished") return true;
      throw new Error(state.message);
    };
    await this.until(what, find, waitMs);
  }

  /** Returns the checkpoints that were committed so far, the final one too. */
  checkpoints(jobId: string): readonly CompletedCheckpoint[] {
    return this.entries(/checkpoint \d+ completed in /)
      .filter(({ fields }) => fields["jobId"] === jobId)
      .map((entry) => ({
        atMs: entry.atMs,
        durationMs: Number(textField(entry, "durationMs")),
        newBytes: Number(textField(entry, "newBytes")),
      }));
  }

  /** Returns what each worker stored so far, for each checkpoint. */
  snapshots(jobId: string): readonly StoredSnapshot[] {
    return this.entries("snapshot stored")
      .filter(({ fields }) => fields["jobId"] === jobId)
      .map((entry) => ({
        atMs: entry.atMs,
        slicesMs: Number(textField(entry, "slicesMs")),
        p99SliceMs: Number(textField(entry, "p99SliceMs")),
        longestSliceMs: Number(textField(entry, "longestSliceMs")),
        p99SliceCpuMs: Number(textField(entry, "p99SliceCpuMs")),
        longestSliceCpuMs: Number(textField(entry, "longestSliceCpuMs")),
      }));
  }

  /** Returns what is looked for once it is there; throws after `waitMs`, two minutes unless set. */
  async until<T>(what: string, find: () => T | undefined, waitMs: number = patienceMs): Promise<T> {
    const giveUpAtMs = performance.now() + waitMs;
    while (performance.now() < giveUpAtMs) {
      const found = find();
      if (found !== undefined) return found;
      await delay(pollMs);
    }
    const last = this.#cluster.log.slice(-20).join("\n");
    throw new Error(`${what} did not come within ${waitMs} ms; the last lines were\n${last}`);
  }

  /** kill -9; returns when the process is gone. */
  killWorker(index: number): Promise<void> {
    return this.#cluster.killWorker(index);
  }

  /** Returns a folder below the cluster's, which its user makes. */
  path(name: string): string {
    return join(this.folder, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
  }
}
