import {
  randomId,
  StreamError,
  type Clock,
  type ControlNetwork,
  type Digest,
  type Failpoints,
  type LeaderEpoch,
  type Listener,
  type Logger,
  type MessageSession,
  type Random,
} from "@millrace/core";
import { campaign, type MetadataStore } from "@millrace/metadata";
import type { ObjectStore } from "@millrace/storage";

import { Leader, notLeading } from "./cluster/leader.ts";
import { createLeadershipGuard } from "./cluster/leadership.ts";
import { readClusterId, readJobs } from "./cluster/take-up.ts";
import type { CoordinatorConfig } from "./config.ts";
import type { CoordinatorContext } from "./context.ts";
import { createFencedMetadata } from "./metadata/fenced-metadata.ts";
import { createMetadataKeys } from "./metadata/keys.ts";
import { idleMetrics, type CoordinatorMetrics } from "./metrics.ts";
import type { CoordinatorObserver } from "./observer.ts";

const maxEarlySessions = 1_024;

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
  return new CoordinatorRuntime(options);
}

/**
 * Serves, campaigns, and hands sessions and calls to the leader that it becomes.
 *
 * I1 It serves before it campaigns: a port in use is found out before a running leader is deposed.
 * I2 Sessions that come before it leads are held; calls are answered `unavailable`.
 * I3 Once deposed or closed it never leads again.
 */
class CoordinatorRuntime implements Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #abort = new AbortController();
  #early: MessageSession[] = [];
  #listener: Listener | undefined;
  #leader: Leader | undefined;
  #watch: Disposable | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  async start(): Promise<{ readonly address: string }> {
    const { network, config, logger } = this.#options;
    const listener = await network.serve(config.address, {
      onSession: (session) => this.#onSession(session),
      onCall: (method, message) => this.#onCall(method, message),
    });
    this.#listener = listener;
    try {
      await this.#lead();
    } catch (caught) {
      await this.close();
      throw caught;
    }
    logger.log("info", "coordinator serves", { address: listener.address });
    return { address: listener.address };
  }

  readMetrics(): CoordinatorMetrics {
    return this.#leader?.readMetrics() ?? idleMetrics();
  }

  async close(): Promise<void> {
    this.#stop("the coordinator was closed");
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.[Symbol.asyncDispose]();
  }

  async #lead(): Promise<void> {
    const { metadata: store, clock, random, config, observer, logger } = this.#options;
    const { signal } = this.#abort;
    const prefix = config.metadataPrefix;
    const identity = randomId(random);
    const leadership = await campaign({ store, clock, prefix, identity, signal });
    const { leaderEpoch, fence } = leadership;
    const observe: CoordinatorObserver = observer ?? (() => {});
    observe({ kind: "leading", leaderEpoch });
    logger.log("info", "leads", { leaderEpoch });
    const guard = createLeadershipGuard({
      leadership,
      store,
      clock,
      onDeposed: () => this.#onDeposed(leaderEpoch),
    });
    const retryPorts = { clock, random };
    const keys = createMetadataKeys(prefix);
    const metadata = createFencedMetadata({
      store,
      fence,
      retryPorts,
      signal,
      onUnknown: (key) => observe({ kind: "unknown-outcome", key }),
      initialRevision: leaderEpoch,
    });
    const clusterId = await readClusterId(metadata, keys, random);
    const context: CoordinatorContext = {
      ...this.#options,
      observe,
      keys,
      metadata,
      leadership: guard,
      clusterId,
      signal,
      retryPorts,
    };
    const jobs = await readJobs(context);
    signal.throwIfAborted();
    this.#watch = guard.watch(config.leaderCheckMs);
    const leader = new Leader(context);
    this.#leader = leader;
    leader.begin(jobs);
    for (const session of this.#early) leader.accept(session);
    this.#early = [];
  }

  #onSession(session: MessageSession): void {
    if (this.#abort.signal.aborted || this.#early.length >= maxEarlySessions) session.close();
    else if (this.#leader === undefined) this.#early.push(session);
    else this.#leader.accept(session);
  }

  #onCall(method: string, message: Uint8Array): Promise<Uint8Array> {
    if (this.#abort.signal.aborted || this.#leader === undefined) {
      return Promise.reject(notLeading());
    }
    return this.#leader.answer(method, message);
  }

  #onDeposed(leaderEpoch: LeaderEpoch): void {
    if (this.#abort.signal.aborted) return;
    this.#options.logger.log("warn", "another coordinator leads: steps down", { leaderEpoch });
    this.#options.observer?.({ kind: "deposed", leaderEpoch });
    this.#stop("another coordinator leads");
    this.#options.onDeposed?.();
  }

  #stop(reason: string): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(new StreamError("cancelled", reason, { domain: "internal", retry: "never" }));
    this.#watch?.[Symbol.dispose]();
    this.#leader?.close();
    for (const session of this.#early) session.close();
    this.#early = [];
  }
}
