import type { FailpointName, Failpoints, LogFields, Logger, LogLevel } from "@millrace/core";
import { createMemoryMetadataStore, type MetadataStore } from "@millrace/metadata";
import { createMemoryDisk, type MemoryDisk } from "@millrace/platform";
import { createMemoryObjectStore, type ObjectStore } from "@millrace/storage";

import { createLinkConditions } from "./link-faults.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { SimSinkTarget } from "./sim-connectors.ts";
import { SimFabric } from "./sim-fabric.ts";
import { SimProcess } from "./sim-process.ts";
import { SimScheduler } from "./sim-scheduler.ts";
import {
  createSimMetadataStore,
  createSimObjectStore,
  createStoreConditions,
  type StoreConditions,
  type StoreCounts,
} from "./sim-stores.ts";

/** A line of a simulated process's log, for whoever reads a failing seed. */
export interface SimLogLine {
  readonly atMs: number;
  readonly process: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Everything outside of the simulated processes: time, links, stores, the sinks' target. */
export class SimWorld {
  readonly random: SeededRandom;
  readonly scheduler: SimScheduler = new SimScheduler();
  readonly fabric: SimFabric;
  readonly metadata: MetadataStore = createMemoryMetadataStore();
  readonly objects: ObjectStore = createMemoryObjectStore();
  readonly disk: MemoryDisk = createMemoryDisk();
  readonly target: SimSinkTarget = new SimSinkTarget();
  readonly metadataConditions: StoreConditions = createStoreConditions();
  readonly objectConditions: StoreConditions = createStoreConditions();
  readonly storeCounts: StoreCounts = { calls: 0, unknownOutcomes: 0, failures: 0 };
  readonly failpoints: Failpoints;
  readonly log: SimLogLine[] = [];
  /** Called at the object store, right before it removes. */
  onObjectsRemoved: (names: readonly string[]) => void = () => {};

  constructor(seed: string, failpoint?: FailpointName) {
    this.random = createSeededRandom(seed);
    this.fabric = new SimFabric(createLinkConditions(), this.random.fork("links"));
    this.failpoints = { isActive: (name) => name === failpoint };
  }

  createProcess(name: string): SimProcess {
    return new SimProcess(name, this.scheduler);
  }

  metadataFor(process: SimProcess): MetadataStore {
    return createSimMetadataStore(this.metadata, this.#link(process, this.metadataConditions));
  }

  objectsFor(process: SimProcess): ObjectStore {
    const watched: ObjectStore = {
      ...this.objects,
      remove: (names) => {
        this.onObjectsRemoved(names);
        return this.objects.remove(names);
      },
    };
    return createSimObjectStore(watched, this.#link(process, this.objectConditions));
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

  #link(process: SimProcess, conditions: StoreConditions) {
    return {
      process,
      conditions,
      random: this.random.fork(`store ${process.name} ${this.scheduler.nowMs()}`),
      counts: this.storeCounts,
    };
  }
}
