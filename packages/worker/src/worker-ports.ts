import type {
  Clock,
  Compressor,
  ControlNetwork,
  Digest,
  Failpoints,
  Logger,
  Random,
} from "@millrace/core";
import type { ObjectStore } from "@millrace/storage";

import type { TaskHost } from "./slot/task-host.ts";

/** Everything outside that a worker touches. The stores stay open when it closes. */
export interface WorkerPorts {
  readonly network: ControlNetwork;
  /** A worker reads and adds objects; it removes none, and need not be allowed to (SEC4, S4). */
  readonly objects: Pick<ObjectStore, "get" | "put">;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly compressor: Compressor;
  readonly logger: Logger;
  readonly taskHost: TaskHost;
  readonly bundles: BundleCache;
  readonly failpoints: Failpoints;
  /** Told of the cluster each time that a leader has taken the worker. */
  readonly onCluster?: (clusterId: string) => void;
}

/** Where a slot finds the bundles that its worker has fetched and verified. */
export interface BundleCache {
  /** Returns what a slot loads the bundle by: a `file:` URL, or the hash in the simulation. */
  store(sha256: string, bytes: Uint8Array): Promise<string>;
}
