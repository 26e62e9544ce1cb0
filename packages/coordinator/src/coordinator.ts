import {
  assert,
  type Clock,
  type ControlNetwork,
  type Digest,
  type Failpoints,
  type Logger,
  type Random,
} from "@millrace/core";
import type { MetadataStore } from "@millrace/metadata";
import type { ObjectStore } from "@millrace/storage";

import type { CoordinatorConfig } from "./config.ts";
import type { CoordinatorMetrics } from "./metrics.ts";
import type { CoordinatorObserver } from "./observer.ts";

/** Everything outside that a coordinator touches. The stores stay open when it closes. */
export interface CoordinatorOptions {
  readonly network: ControlNetwork;
  readonly metadata: MetadataStore;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
  readonly config: CoordinatorConfig;
  readonly observer?: CoordinatorObserver;
  /** Another coordinator leads: this one has stepped down and serves nothing any more. */
  readonly onDeposed?: () => void;
}

export interface Coordinator {
  /**
   * Becomes leader, takes up the jobs that have not ended, serves, and returns the address.
   * Throws `port-in-use`, or what the metadata store throws.
   */
  start(): Promise<{ readonly address: string }>;
  readMetrics(): CoordinatorMetrics;
  /** Stops serving; jobs are left as they are, for the next leader (S6). Idempotent. */
  close(): Promise<void>;
}

/** Returns a coordinator that does nothing before `start`. */
export function createCoordinator(options: CoordinatorOptions): Coordinator {
  assert(options.config.address !== "", "the coordinator is not built yet");
  return {
    start: () => Promise.resolve({ address: options.config.address }),
    readMetrics: () => {
      throw new Error("not built yet");
    },
    close: () => Promise.resolve(),
  };
}
