import type { RetryPolicy, WorkerId } from "@millrace/core";

/** What an operator of a worker may set; `defaultWorkerConfig` has the rest. */
export interface WorkerConfig {
  readonly workerId: WorkerId;
  /** `host:port` of the coordinators, tried in turn until one leads. */
  readonly coordinatorAddresses: readonly string[];
  readonly slotCount: number;
  /** Version of the package, for people. */
  readonly version: string;
  /** Id of this process on its machine, for people. */
  readonly processId: number;
  /** How long a coordinator may take to answer a registration. */
  readonly registerTimeoutMs: number;
  /** Waits between two sessions: doubling, with jitter; a new leader is found within the longest. */
  readonly reconnect: Pick<RetryPolicy, "initialDelayMs" | "maxDelayMs">;
  /** A worker without a leader for so long stops itself; seconds under `dev`. */
  readonly orphanTimeoutMs: number;
  /** A slot that is busy and makes no progress for so long hangs in the author's code (F23). */
  readonly hungTaskTimeoutMs: number;
  readonly hungTaskCheckMs: number;
  /** Off under a debugger, where a slot may stand still for good reasons. */
  readonly isHungTaskCheckOn: boolean;
  /** How long the author's close hooks may take where a slot is ended in order; then it is all the same. */
  readonly letGoTimeoutMs: number;
  /** How long a fresh slot may take to listen. */
  readonly slotStartTimeoutMs: number;
  /** Tries of one read or write of the object store. */
  readonly storeRetry: RetryPolicy;
  /** One try of a read or write of the object store. */
  readonly storeTryTimeoutMs: number;
  /** All of one segment's upload; then the checkpoint is declined. */
  readonly uploadTimeoutMs: number;
  /** All reads of one restore; then the attempt fails. */
  readonly restoreTimeoutMs: number;
  /** Reads of one restore that are under way at a time. */
  readonly restoreConcurrency: number;
  /** A segment up to this size is read whole at a restore, a larger one by the blocks needed. */
  readonly wholeSegmentBytes: number;
  /** Reads of an object whose bytes have not the hash they must have, before it counts as corrupt. */
  readonly corruptReadTries: number;
  /** Lines of a job's log that may leave in one heartbeat interval; more are counted and dropped. */
  readonly logLinesPerInterval: number;
}

/** The defaults of `design.md`; ids, addresses and the process's id have none. */
export const defaultWorkerConfig: Omit<
  WorkerConfig,
  "workerId" | "coordinatorAddresses" | "processId"
> = {
  slotCount: 1,
  version: "0.0.0",
  registerTimeoutMs: 5_000,
  reconnect: { initialDelayMs: 100, maxDelayMs: 500 },
  orphanTimeoutMs: 600_000,
  hungTaskTimeoutMs: 60_000,
  hungTaskCheckMs: 1_000,
  isHungTaskCheckOn: true,
  letGoTimeoutMs: 2_000,
  slotStartTimeoutMs: 30_000,
  storeRetry: { maxTries: 8, initialDelayMs: 50, maxDelayMs: 5_000 },
  storeTryTimeoutMs: 30_000,
  uploadTimeoutMs: 300_000,
  restoreTimeoutMs: 300_000,
  restoreConcurrency: 8,
  wholeSegmentBytes: 256 * 1024,
  corruptReadTries: 3,
  logLinesPerInterval: 1_000,
};
