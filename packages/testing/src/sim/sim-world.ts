import type { Clock, FailpointName, Failpoints, LogFields, Logger, LogLevel } from "@millrace/core";
import {
  createMemoryMetadataStore,
  type MetadataLeases,
  type MetadataStore,
  type MetadataTransaction,
  type TransactionResult,
} from "@millrace/metadata";
import { createMemoryDisk, type MemoryDisk } from "@millrace/platform";
import {
  createMemoryObjectStore,
  createRetryingObjectStore,
  type ObjectStore,
} from "@millrace/storage";

import { CallPlans } from "./call-plans.ts";
import { createLinkConditions } from "./link-faults.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { SimSinkTarget } from "./sim-connectors.ts";
import type { Patience } from "./sim-coordinators.ts";
import { SimFabric } from "./sim-fabric.ts";
import { SimLeases } from "./sim-leases.ts";
import { createSimMetadataStore } from "./sim-metadata-store.ts";
import { createSimObjectStore } from "./sim-object-store.ts";
import { SimProcess } from "./sim-process.ts";
import { SimScheduler } from "./sim-scheduler.ts";
import { SimWatches } from "./sim-watches.ts";
import type { StoreLink } from "./store-call.ts";
import {
  createMetadataConditions,
  createObjectConditions,
  createStoreCounts,
  type MetadataConditions,
  type ObjectConditions,
  type StoreConditions,
  type StoreCounts,
} from "./store-conditions.ts";

/** A line of a simulated process's log, for whoever reads a failing seed. */
export interface SimLogLine {
  readonly atMs: number;
  readonly process: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface SimWorldOptions {
  readonly seed: string;
  readonly failpoint?: FailpointName | undefined;
  /**
   * The stores are servers: leases as in etcd, an object store that needs so much patience as S3
   * does. Absent: they are like SQLite and a folder.
   */
  readonly patience?: Patience | undefined;
}

/** Everything outside of the simulated processes: time, links, stores, the sinks' target. */
export class SimWorld {
  readonly random: SeededRandom;
  readonly scheduler: SimScheduler = new SimScheduler();
  readonly fabric: SimFabric;
  readonly metadata: MetadataStore;
  readonly leases: SimLeases;
  readonly watches: SimWatches = new SimWatches();
  readonly callPlans: CallPlans = new CallPlans();
  readonly objects: ObjectStore = createMemoryObjectStore();
  readonly disk: MemoryDisk = createMemoryDisk();
  readonly target: SimSinkTarget = new SimSinkTarget();
  readonly metadataConditions: MetadataConditions = createMetadataConditions();
  readonly objectConditions: ObjectConditions = createObjectConditions();
  readonly storeCounts: StoreCounts = createStoreCounts();
  readonly failpoints: Failpoints;
  readonly log: SimLogLine[] = [];
  readonly #patience: Patience | undefined;
  /** Called at the object store, right before it removes. */
  onObjectsRemoved: (names: readonly string[]) => void = () => {};
  /** Called at the metadata store, right after it granted a lease or kept one alive. */
  onLeaseRenewed: (process: SimProcess) => void = () => {};
  /** Called at the metadata store, right after it decided. */
  onTransacted: (
    process: SimProcess,
    transaction: MetadataTransaction,
    result: TransactionResult,
  ) => void = () => {};

  constructor({ seed, failpoint, patience }: SimWorldOptions) {
    this.#patience = patience;
    this.random = createSeededRandom(seed);
    this.fabric = new SimFabric(createLinkConditions(), this.random.fork("links"));
    this.failpoints = { isActive: (name) => name === failpoint };
    const clock = this.createProcess("metadata").clock();
    const store = createMemoryMetadataStore(patience === undefined ? {} : { clock });
    this.leases = new SimLeases(store, this.scheduler);
    this.metadata = this.leases.watched();
  }

  createProcess(name: string): SimProcess {
    return new SimProcess(name, this.scheduler);
  }

  /** The clock of the world outside: nothing pauses or kills it. */
  clock(): Clock {
    return this.createProcess("world").clock();
  }

  metadataFor(process: SimProcess): MetadataStore {
    const { leases } = this.metadata;
    const watched: MetadataStore = {
      ...this.metadata,
      ...(leases === undefined ? {} : { leases: this.#leasesFor(process, leases) }),
      transact: async (transaction) => {
        const result = await this.metadata.transact(transaction);
        this.onTransacted(process, transaction, result);
        return result;
      },
    };
    const link = this.#link(process, this.metadataConditions);
    return createSimMetadataStore(watched, { ...link, watches: this.watches });
  }

  objectsFor(process: SimProcess): ObjectStore {
    const watched: ObjectStore = {
      ...this.objects,
      remove: (names) => {
        this.onObjectsRemoved(names);
        return this.objects.remove(names);
      },
    };
    const store = createSimObjectStore(watched, this.#link(process, this.objectConditions));
    if (this.#patience === undefined) return store;
    const random = this.random.fork(`retries ${process.name}`);
    return createRetryingObjectStore(store, {
      clock: process.clock(),
      random,
      deadlineMs: this.#patience.deadlineMs,
      tryTimeoutMs: this.#patience.tryTimeoutMs,
    });
  }

  loggerFor(process: SimProcess, fields: LogFields = {}): Logger {
    return {
      log: (level, message, more) => {
        this.log.push({
          atMs: this.scheduler.nowMs(),
          process: process.name,
          level,
          message,
          fields: { ...fields, ...more },
        });
      },
      with: (more) => this.loggerFor(process, { ...fields, ...more }),
    };
  }

  #leasesFor(process: SimProcess, leases: MetadataLeases): MetadataLeases {
    return {
      grant: async (ttlMs) => {
        const leaseId = await leases.grant(ttlMs);
        this.onLeaseRenewed(process);
        return leaseId;
      },
      keepAlive: async (leaseId) => {
        await leases.keepAlive(leaseId);
        this.onLeaseRenewed(process);
      },
      revoke: (leaseId) => leases.revoke(leaseId),
    };
  }

  #link<Conditions extends StoreConditions>(
    process: SimProcess,
    conditions: Conditions,
  ): StoreLink<Conditions> {
    const label = `store ${process.name} ${this.scheduler.nowMs()}`;
    return {
      process,
      conditions,
      random: this.random.fork(label),
      faultRandom: this.random.fork(`faults of ${label}`),
      counts: this.storeCounts,
      fateOfCall: () => this.callPlans.fateOf(process),
    };
  }
}
