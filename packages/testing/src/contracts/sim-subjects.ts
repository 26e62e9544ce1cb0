import { noFailpoints, silentLogger, StreamError, type Clock } from "@millrace/core";
import { createExchange, type Exchange } from "@millrace/exchange";
import type { JobDefinition } from "@millrace/graph";
import { createMemoryMetadataStore } from "@millrace/metadata";
import { createMemoryDisk, createNodeDigest } from "@millrace/platform";
import { createHeapBackend } from "@millrace/state";
import { createMemoryObjectStore } from "@millrace/storage";
import { runSlot, type TaskHost } from "@millrace/worker";

import { createLinkConditions } from "../sim/link-faults.ts";
import { createSeededRandom } from "../sim/seeded-random.ts";
import { createSimCompressor } from "../sim/sim-compressor.ts";
import { SimFabric } from "../sim/sim-fabric.ts";
import { createSimMetadataStore } from "../sim/sim-metadata-store.ts";
import { createSimControlNetwork, createSimStreamNetwork } from "../sim/sim-networks.ts";
import { createSimObjectStore } from "../sim/sim-object-store.ts";
import { SimProcess } from "../sim/sim-process.ts";
import { SimScheduler } from "../sim/sim-scheduler.ts";
import { createSimTaskHost } from "../sim/sim-task-host.ts";
import { SimWatches } from "../sim/sim-watches.ts";
import type { StoreLink } from "../sim/store-call.ts";
import {
  createMetadataConditions,
  createObjectConditions,
  createStoreCounts,
  type StoreConditions,
} from "../sim/store-conditions.ts";
import type { ClockSubject } from "./clock-contract.ts";
import type { CompressorSubject } from "./compressor-contract.ts";
import type { ControlNetworkSubject } from "./control-network-contract.ts";
import type { MetadataStoreSubject } from "./metadata-store-contract.ts";
import type { ObjectStoreSubject } from "./object-store-contract.ts";
import { pump } from "./pump.ts";
import type { StreamNetworkSubject } from "./stream-network-contract.ts";
import { bundleUrls, type TaskHostSubject } from "./task-host-contract.ts";
import job from "./task-host-job.ts";
import type { TurnSubject } from "./turn-contract.ts";

// What the simulation puts in the place of the machine, without any faults: it has to pass the
// same suites as the machine, or the simulation proves nothing.

interface SimBench extends AsyncDisposable {
  readonly process: (name: string) => SimProcess;
  readonly fabric: SimFabric;
}

function createBench(): SimBench {
  const scheduler = new SimScheduler();
  const pumping = pump(scheduler);
  return {
    process: (name) => new SimProcess(name, scheduler),
    fabric: new SimFabric(createLinkConditions(), createSeededRandom("links")),
    [Symbol.asyncDispose]: () => pumping[Symbol.asyncDispose](),
  };
}

export function createSimClockSubject(): Promise<ClockSubject> {
  const bench = createBench();
  return Promise.resolve({
    clock: bench.process("process").clock(),
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  });
}

export function createSimTurnSubject(): Promise<TurnSubject> {
  const bench = createBench();
  const process = bench.process("process");
  return Promise.resolve({
    turn: process.turn(),
    clock: process.clock(),
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  });
}

export function createSimCompressorSubject(): Promise<CompressorSubject> {
  const bench = createBench();
  return Promise.resolve({
    compressor: createSimCompressor(bench.process("process")),
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  });
}

function storeLink<Conditions extends StoreConditions>(
  process: SimProcess,
  conditions: Conditions,
): StoreLink<Conditions> {
  return {
    process,
    conditions,
    random: createSeededRandom("store"),
    faultRandom: createSeededRandom("faults"),
    counts: createStoreCounts(),
    fateOfCall: () => "lives",
  };
}

/** Leases end by the clock, if there is one. */
export function createSimMetadataSubject(clock?: Clock): Promise<MetadataStoreSubject> {
  const bench = createBench();
  const store = createMemoryMetadataStore(clock === undefined ? {} : { clock });
  const watches = new SimWatches();
  const open = () => {
    const link = storeLink(bench.process("process"), createMetadataConditions());
    return Promise.resolve(createSimMetadataStore(store, { ...link, watches }));
  };
  return Promise.resolve({
    open,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  });
}

export function createSimObjectSubject(): Promise<ObjectStoreSubject> {
  const bench = createBench();
  const link = storeLink(bench.process("process"), createObjectConditions());
  return Promise.resolve({
    store: createSimObjectStore(createMemoryObjectStore(), link),
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  });
}

export function createSimControlSubject(): Promise<ControlNetworkSubject> {
  const bench = createBench();
  return Promise.resolve({
    server: createSimControlNetwork(bench.fabric, bench.process("coordinator.1")),
    client: createSimControlNetwork(bench.fabric, bench.process("worker.1")),
    address: "coordinator:8471",
    emptyAddress: "coordinator:1",
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  });
}

export function createSimStreamSubject(): Promise<StreamNetworkSubject> {
  const bench = createBench();
  const network = (name: string) =>
    createSimStreamNetwork(bench.fabric, bench.process(name), createSeededRandom(name));
  return Promise.resolve({
    listening: network("worker-1.1"),
    opening: network("worker-2.1"),
    hint: { kind: "tcp", host: "worker-1" },
    emptyAddress: "worker-1:1",
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  });
}

export function createSimTaskHostSubject(): Promise<TaskHostSubject> {
  const bench = createBench();
  const worker = bench.process("worker-1.1");
  const open = (process: SimProcess): Promise<Exchange> =>
    createExchange({
      network: createSimStreamNetwork(bench.fabric, process, createSeededRandom(process.name)),
      clock: process.clock(),
      logger: silentLogger,
      hint: { kind: "unix", host: "" },
      failpoints: noFailpoints,
    });
  const refuse = (): Promise<Exchange> =>
    Promise.reject(
      new StreamError("unavailable", "cannot listen", { domain: "external", retry: "never" }),
    );
  return Promise.resolve({
    host: createInlineHost(worker, open),
    brokenHost: createInlineHost(worker, refuse),
    clock: worker.clock(),
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  });
}

function createInlineHost(
  worker: SimProcess,
  openExchange: (slot: SimProcess) => Promise<Exchange>,
): TaskHost {
  const loadJob = (bundleUrl: string): Promise<JobDefinition> => {
    if (bundleUrl === bundleUrls.working) return Promise.resolve(job);
    if (bundleUrl === bundleUrls.exiting) host.crash();
    return new Promise(() => {});
  };
  const host = createSimTaskHost(worker, {
    runSlot: (port, slot) =>
      runSlot(port, {
        clock: slot.clock(),
        turn: slot.turn(),
        random: createSeededRandom("slot"),
        disk: createMemoryDisk(),
        digest: createNodeDigest(),
        logger: silentLogger,
        failpoints: noFailpoints,
        openExchange: () => openExchange(slot),
        loadJob,
        createKeyedBackend: createHeapBackend,
      }),
    onCommand: () => {},
  });
  return host;
}
