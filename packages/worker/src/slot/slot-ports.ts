import type {
  Clock,
  Digest,
  Failpoints,
  KeyGroupRange,
  LocalDisk,
  Logger,
  Random,
  Turn,
} from "@millrace/core";
import type { Exchange } from "@millrace/exchange";
import type { JobDefinition } from "@millrace/graph";
import type { CombineSettings } from "@millrace/operators";
import type { KeyedBackend } from "@millrace/state";

/** Everything outside that a slot touches, besides its port to the worker's main thread. */
export interface SlotPorts {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly random: Random;
  readonly disk: LocalDisk;
  readonly digest: Digest;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
  /** Opens the listener for records; called once, first of all. */
  readonly openExchange: () => Promise<Exchange>;
  /**
   * Returns the job of a bundle. Loading it, and `build` of what is returned, see only the allowed
   * environment. Throws `job-module-failed`, `job-module-invalid`.
   */
  readonly loadJob: LoadJob;
  readonly createKeyedBackend: CreateKeyedBackend;
  /** Returns the CPU time that this thread has used, in ms; absent: the clock's time stands for it. */
  readonly readCpuMs?: () => number;
  /** When combining before the shuffle pays; absent: `combineSettings`. */
  readonly combining?: CombineSettings;
}

export type LoadJob = (
  bundleUrl: string,
  environment: Readonly<Record<string, string>>,
) => Promise<JobDefinition>;

export type CreateKeyedBackend = (options: {
  readonly operatorName: string;
  /** The key groups that the subtask owns. */
  readonly groups: KeyGroupRange;
  readonly maxParallelism: number;
  readonly failpoints: Failpoints;
}) => KeyedBackend;
