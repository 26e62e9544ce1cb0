import {
  randomId,
  StreamError,
  type Clock,
  type Compressor,
  type ControlNetwork,
  type ControlService,
  type Digest,
  type Failpoints,
  type LeaderEpoch,
  type Listener,
  type Logger,
  type Random,
} from "@millrace/core";
import { campaign, type Leadership, type MetadataStore } from "@millrace/metadata";
import type { ObjectStore } from "@millrace/storage";

import { checkClaim, claimObjects } from "./cluster/cluster-marker.ts";
import { FrontDoor } from "./cluster/front-door.ts";
import { Leader } from "./cluster/leader.ts";
import { createLeadershipGuard, type LeadershipGuard } from "./cluster/leadership.ts";
import { readClusterId, readJobs } from "./cluster/take-up.ts";
import type { CoordinatorConfig } from "./config.ts";
import type { CoordinatorContext } from "./context.ts";
import { createFencedMetadata } from "./metadata/fenced-metadata.ts";
import { createMetadataKeys } from "./metadata/keys.ts";
import { createOutageLog, type OutageLog } from "./metadata/outage-log.ts";
import { idleMetrics, type CoordinatorMetrics } from "./metrics.ts";
import type { CoordinatorObserver } from "./observer.ts";
import type { AccessControl } from "./security/access-control.ts";
import { guardService } from "./security/guard-service.ts";

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
  /** For verifying checkpoints; absent: that is refused. */
  readonly compressor?: Compressor;
  /** Who may open sessions and make calls. Absent: whoever can connect. */
  readonly access?: AccessControl;
  /** This coordinator has stepped down and serves nothing any more; a new one may stand by. */
  readonly onDeposed?: (reason: string) => void;
  /** It stood by, and cannot lead now that it should: what no waiting heals. */
  readonly onFailed?: (error: StreamError) => void;
}

export type CoordinatorRole = "leading" | "standby";

export interface Coordinator {
  /**
   * Serves, and leads or, while another one leads, stands by. As leader it takes up the jobs that
   * have not ended. Returns the address and the role it has at first. Throws `port-in-use`, or what
   * the metadata store throws.
   */
  start(): Promise<{ readonly address: string; readonly role: CoordinatorRole }>;
  role(): CoordinatorRole;
  readMetrics(): CoordinatorMetrics;
  /**
   * Stops serving, and makes way for the next leader; jobs are left as they are (S6). Idempotent.
   */
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
 * I2 Sessions and calls are answered by its role: see `FrontDoor`.
 * I3 Once deposed or closed it never leads again.
 */
class CoordinatorRuntime implements Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #abort = new AbortController();
  readonly #door = new FrontDoor();
  readonly #outage: OutageLog;
  #listener: Listener | undefined;
  #leadership: Leadership | undefined;
  #leader: Leader | undefined;
  #guard: LeadershipGuard | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#outage = createOutageLog(options);
  }

  async start(): Promise<{ readonly address: string; readonly role: CoordinatorRole }> {
    const { network, config, logger, access } = this.#options;
    const door: ControlService = {
      onSession: (session) => this.#door.accept(session),
      onCall: (method, message) => this.#door.answer(method, message),
    };
    const service = access === undefined ? door : guardService(door, access);
    const { address } = (this.#listener = await network.serve(config.address, service));
    const standby = Promise.withResolvers<void>();
    const leading = this.#lead(config.advertisedAddress ?? address, standby.resolve);
    try {
      await Promise.race([leading, standby.promise]);
    } catch (caught) {
      await this.close();
      throw caught;
    }
    const role = this.role();
    if (role === "standby") leading.catch((caught: unknown) => void this.#fail(caught));
    logger.log("info", "coordinator serves", { address, role });
    return { address, role };
  }

  role(): CoordinatorRole {
    return this.#leader === undefined ? "standby" : "leading";
  }

  readMetrics(): CoordinatorMetrics {
    const metadataFailureCount = this.#outage.failureCount();
    return { ...(this.#leader?.readMetrics() ?? idleMetrics()), metadataFailureCount };
  }

  async close(): Promise<void> {
    const isFirst = !this.#abort.signal.aborted;
    this.#stop("the coordinator was closed");
    const listener = this.#listener;
    this.#listener = undefined;
    const lease = this.#leadership?.lease;
    // So that a standby need not wait for the lease's end; if it fails, that is all that happens.
    if (isFirst && lease !== undefined) {
      await this.#options.metadata.leases?.revoke(lease.leaseId).catch(() => {});
    }
    await listener?.[Symbol.asyncDispose]();
  }

  async #lead(address: string, onStandby: () => void): Promise<void> {
    const leadership = await this.#campaign(address, onStandby);
    this.#leadership = leadership;
    const { leaderEpoch } = leadership;
    this.#options.observer?.({ kind: "leading", leaderEpoch });
    this.#options.logger.log("info", "leads", { leaderEpoch, address });
    const { metadata: store, clock, config } = this.#options;
    this.#guard = createLeadershipGuard({
      leadership,
      store,
      clock,
      failpoints: this.#options.failpoints,
      periodMs: config.leaderCheckMs,
      onDeposed: (reason) => this.#onDeposed(leaderEpoch, reason),
    });
    const context = await this.#createContext(leadership, this.#guard);
    const { clusterId } = context;
    const claim = await claimObjects(context, { clusterId, revision: leaderEpoch });
    const jobs = await readJobs(context);
    await checkClaim(context, claim, { clusterId, jobCount: jobs.length });
    this.#abort.signal.throwIfAborted();
    const leader = new Leader(context);
    this.#leader = leader;
    leader.begin(jobs);
    this.#door.lead(leader);
  }

  #campaign(address: string, onStandby: () => void): Promise<Leadership> {
    const { metadata: store, clock, random, config, logger, failpoints } = this.#options;
    const unit = failpoints.isActive("lease-in-wrong-unit") ? 1_000 : 1;
    return campaign({
      store,
      clock,
      failpoints,
      prefix: config.metadataPrefix,
      identity: randomId(random),
      address,
      leaseMs: config.leaseMs * unit,
      onTrouble: (error) => this.#outage.onFailure(error),
      onStandby: (leader) => {
        logger.log("info", "stands by", { leader: leader.address });
        this.#door.standBy(leader);
        onStandby();
      },
      signal: this.#abort.signal,
    });
  }

  async #createContext(
    leadership: Leadership,
    guard: LeadershipGuard,
  ): Promise<CoordinatorContext> {
    const { metadata: store, clock, random, config, observer } = this.#options;
    const { signal } = this.#abort;
    const observe: CoordinatorObserver = observer ?? (() => {});
    const retryPorts = { clock, random };
    const keys = createMetadataKeys(config.metadataPrefix);
    const metadata = createFencedMetadata({
      store,
      fence: leadership.fence,
      retryPorts: { ...retryPorts, onRetry: (error) => this.#outage.onFailure(error) },
      signal,
      onUnknown: (key) => observe({ kind: "unknown-outcome", key }),
      initialRevision: leadership.leaderEpoch,
    });
    const clusterId = await readClusterId(metadata, keys, random);
    return {
      ...this.#options,
      observe,
      keys,
      metadata,
      leadership: guard,
      clusterId,
      signal,
      retryPorts,
    };
  }

  #onDeposed(leaderEpoch: LeaderEpoch, reason: string): void {
    if (this.#abort.signal.aborted) return;
    this.#options.logger.log("warn", "steps down", { leaderEpoch, reason });
    this.#options.observer?.({ kind: "deposed", leaderEpoch });
    this.#stop(reason);
    this.#options.onDeposed?.(reason);
    const { failpoints, objects } = this.#options;
    // The planted bug is what FLINK-25486 was: who leads no more clears up behind itself.
    if (!failpoints.isActive("step-down-wipes-objects")) return;
    void objects.list("jobs/").then((found) => objects.remove(found.map(({ name }) => name)));
  }

  async #fail(caught: unknown): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const error = StreamError.from(caught);
    await this.close();
    this.#options.onFailed?.(error);
  }

  #stop(reason: string): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(new StreamError("cancelled", reason, { domain: "internal", retry: "never" }));
    this.#guard?.[Symbol.dispose]();
    this.#leader?.close();
    this.#door.close();
  }
}
