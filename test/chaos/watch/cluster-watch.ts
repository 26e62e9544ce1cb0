/**
 * What the processes of a chaos run say about themselves, put together: who leads, which workers are
 * registered, how the job's attempts went. It believes log lines only, and asks nobody.
 *
 * I1 Lines about the job count only when they come from the leader: what a deposed one says of its
 *    last attempt is history.
 */
import { textField, type LogEntry } from "../cluster/log-entry.ts";
import type { ProcessExit } from "../cluster/supervised-process.ts";

export interface Leading {
  readonly process: string;
  readonly leaderEpoch: bigint;
  readonly atMs: number;
}

interface Commit {
  readonly checkpointId: string;
  readonly atMs: number;
  readonly totalBytes: number;
}

export interface AttemptView {
  readonly attempt: number;
  readonly atMs: number;
  readonly workers: readonly string[];
  failedAtMs?: number;
  failure?: string;
  /** When the first records of this attempt went into the chain, by source subtask. */
  readonly flowAtMs: Map<number, number>;
  readonly commits: Commit[];
}

export interface RecoveryView {
  readonly attempt: number;
  readonly atMs: number;
  /** By the coordinator: from what it noticed to the first subtask that runs. */
  readonly durationMs: number;
  readonly checkpointId?: string;
  readonly restoredBytes: number;
  readonly sourcePositions: string;
}

export interface WorkerLoss {
  readonly worker: string;
  readonly atMs: number;
}

const attemptStarted = /^attempt \d+ on /;
const attemptFailed = /^attempt \d+ failed: /;
const completed = / completed in \d+ ms: /;

export class ClusterWatch {
  readonly leadings: Leading[] = [];
  readonly losses: WorkerLoss[] = [];
  readonly recoveries: RecoveryView[] = [];
  /** Lines of level error, which a run should not have. */
  readonly errors: LogEntry[] = [];
  readonly attempts: Map<number, AttemptView> = new Map();
  /** Workers that the leader knows. */
  readonly registered: Set<string> = new Set();
  /** Processes that serve. */
  readonly serving: Set<string> = new Set();
  jobState = "";
  #jobLine = "";
  #waiters: (() => void)[] = [];

  /** The newest leader, though it may be dead. */
  leader(): Leading | undefined {
    return this.leadings.at(-1);
  }

  /** The newest attempt. */
  attempt(): AttemptView | undefined {
    return [...this.attempts.values()].at(-1);
  }

  /** The newest line about the job, for messages. */
  jobLine(): string {
    return this.#jobLine;
  }

  onEntry(entry: LogEntry): void {
    if (entry.level >= 50) this.errors.push(entry);
    if (entry.message === "leads") this.#onLeads(entry);
    else if (entry.message === "coordinator serves") this.serving.add(entry.process);
    else if (entry.message === "records flow") this.#onFlow(entry);
    else if (entry.process === this.leader()?.process) this.#onLeaderLine(entry);
    this.#wake();
  }

  onExit(exit: ProcessExit): void {
    this.serving.delete(exit.process);
    this.#wake();
  }

  /** Returns when it is true; throws after `limitMs`, saying what did not come. */
  async waitUntil(
    what: string,
    options: { readonly limitMs: number; readonly signal?: AbortSignal },
    isTrue: () => boolean,
  ): Promise<void> {
    const giveUpAtMs = performance.now() + options.limitMs;
    while (!isTrue()) {
      options.signal?.throwIfAborted();
      const leftMs = giveUpAtMs - performance.now();
      if (leftMs <= 0) {
        const seconds = (options.limitMs / 1_000).toFixed(0);
        throw new Error(`${what}: not within ${seconds} s; last: ${this.#jobLine}`);
      }
      await this.#nextChange(Math.min(leftMs, 100));
    }
  }

  #onLeads(entry: LogEntry): void {
    const leaderEpoch = BigInt(textField(entry, "leaderEpoch"));
    const before = this.leader();
    if (before !== undefined && before.leaderEpoch >= leaderEpoch) return;
    this.leadings.push({ process: entry.process, leaderEpoch, atMs: entry.atMs });
    this.registered.clear();
  }

  #onFlow(entry: LogEntry): void {
    const attempt = this.attempts.get(Number(textField(entry, "attempt")));
    const subtaskIndex = Number(textField(entry, "subtaskIndex"));
    if (attempt === undefined || attempt.flowAtMs.has(subtaskIndex)) return;
    attempt.flowAtMs.set(subtaskIndex, entry.atMs);
  }

  #onLeaderLine(entry: LogEntry): void {
    const { message, atMs, fields } = entry;
    if (message === "worker registered") {
      this.registered.add(textField(entry, "workerId"));
    } else if (message === "worker lost") {
      const worker = textField(entry, "workerId");
      this.registered.delete(worker);
      this.losses.push({ worker, atMs });
    } else if (fields["jobId"] !== undefined) {
      this.#jobLine = message;
      this.#onJobLine(entry);
    }
  }

  #onJobLine(entry: LogEntry): void {
    const { message, atMs, fields } = entry;
    if (typeof fields["state"] === "string") this.jobState = fields["state"];
    if (attemptStarted.test(message)) {
      const attempt = Number(textField(entry, "attempt"));
      const workers = textField(entry, "workers").split(",");
      this.attempts.set(attempt, { attempt, atMs, workers, flowAtMs: new Map(), commits: [] });
    } else if (attemptFailed.test(message)) {
      const attempt = this.attempts.get(Number(textField(entry, "attempt")));
      if (attempt === undefined) return;
      attempt.failedAtMs ??= atMs;
      attempt.failure ??= message;
    } else if (message.startsWith("recovered in ")) {
      this.recoveries.push(readRecovery(entry));
    } else if (completed.test(message)) {
      const checkpointId = textField(entry, "checkpointId");
      const totalBytes = Number(textField(entry, "totalBytes"));
      this.attempt()?.commits.push({ checkpointId, atMs, totalBytes });
    }
  }

  #nextChange(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

function readRecovery(entry: LogEntry): RecoveryView {
  const { checkpointId } = entry.fields;
  return {
    attempt: Number(textField(entry, "attempt")),
    atMs: entry.atMs,
    durationMs: Number(textField(entry, "durationMs")),
    ...(checkpointId === undefined ? {} : { checkpointId: textField(entry, "checkpointId") }),
    restoredBytes: Number(textField(entry, "restoredBytes")),
    sourcePositions: textField(entry, "sourcePositions"),
  };
}
