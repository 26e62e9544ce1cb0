/** What an operator of a cluster may set; `defaultCoordinatorConfig` has the rest. */
export interface CoordinatorConfig {
  /** `host:port` of the sessions and calls; port 0 chooses one. */
  readonly address: string;
  /** `host:port` at which others reach this coordinator; default: where it listens. */
  readonly advertisedAddress?: string;
  /** How long a leader that does not report stays leader, where the metadata store has leases. */
  readonly leaseMs: number;
  /** Before every key in the metadata store, so that clusters can share one. */
  readonly metadataPrefix: string;
  /** Version of the package, for people. */
  readonly version: string;
  readonly heartbeatIntervalMs: number;
  /** A worker that is silent for so long is lost; a broken session counts at once. */
  readonly heartbeatTimeoutMs: number;
  /** How often a leader looks whether it still leads; safety never rests on it (S1). */
  readonly leaderCheckMs: number;
  /** How long a job that has never run waits for enough slots before it fails with `no-slots`. */
  readonly slotWaitMs: number;
  /** How long the workers of an attempt may take to restore before it counts as failed. */
  readonly deployTimeoutMs: number;
  readonly maxBundleBytes: number;
  readonly gcPeriodMs: number;
  readonly restartBackoff: RestartBackoff;
  /** Lines kept per job for `logs`. */
  readonly logLineLimit: number;
}

export interface RestartBackoff {
  /** Delay of the second restart in a row; the first is immediate. */
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
}

/** The defaults of `design.md`. */
export const defaultCoordinatorConfig: CoordinatorConfig = {
  address: "127.0.0.1:8471",
  leaseMs: 5_000,
  metadataPrefix: "millrace/",
  version: "0.0.0",
  heartbeatIntervalMs: 1_000,
  heartbeatTimeoutMs: 5_000,
  leaderCheckMs: 2_000,
  slotWaitMs: 300_000,
  deployTimeoutMs: 300_000,
  maxBundleBytes: 64 * 1024 * 1024,
  gcPeriodMs: 60_000,
  restartBackoff: { initialMs: 1_000, maxMs: 60_000, factor: 2 },
  logLineLimit: 10_000,
};
