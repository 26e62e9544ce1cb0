import type {
  Clock,
  Compressor,
  Digest,
  Failpoints,
  Logger,
  Random,
  RetryPorts,
} from "@millrace/core";
import type { ObjectStore } from "@millrace/storage";

import type { LeadershipGuard } from "./cluster/leadership.ts";
import type { CoordinatorConfig } from "./config.ts";
import type { FencedMetadata } from "./metadata/fenced-metadata.ts";
import type { MetadataKeys } from "./metadata/keys.ts";
import type { CoordinatorObserver } from "./observer.ts";

/** What every part of a leading coordinator is given. */
export interface CoordinatorContext {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly compressor?: Compressor;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
  readonly config: CoordinatorConfig;
  readonly observe: CoordinatorObserver;
  readonly keys: MetadataKeys;
  readonly metadata: FencedMetadata;
  readonly leadership: LeadershipGuard;
  readonly clusterId: string;
  /** Aborts when this coordinator closes or is deposed. */
  readonly signal: AbortSignal;
  readonly retryPorts: RetryPorts;
}
