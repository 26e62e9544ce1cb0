import { totalmem } from "node:os";
import { join, resolve } from "node:path";

import { noFailpoints, type StreamHint, type WorkerId } from "@millrace/core";
import {
  createNodeClock,
  createNodeDigest,
  createNodeDisk,
  createNodeRandom,
  createPinoLogger,
  createZstdCompressor,
} from "@millrace/platform";
import { createGrpcNetwork } from "@millrace/rpc";
import {
  createFileBundleCache,
  createThreadTaskHost,
  createWorker,
  defaultWorkerConfig,
  type TaskHost,
  type ThreadTaskHostOptions,
  type Worker,
  type WorkerConfig,
} from "@millrace/worker";

import { openProcessSecurity, type SecurityOptions } from "../security/process-security.ts";
import { readVersion } from "../version.ts";
import { checkObjects } from "./check-objects.ts";
import { openObjects } from "./open-stores.ts";
import { serveHealth } from "./serve-health.ts";
import { serveMetrics } from "./serve-metrics.ts";
import { decideNetworkMemoryMb, decideSlotMemoryMb } from "./slot-memory.ts";
import { untilStopped } from "./until-stopped.ts";

export interface WorkerProcessOptions {
  readonly workerId: WorkerId;
  /** `host:port`, tried in turn until one leads. */
  readonly coordinators: readonly string[];
  readonly dataFolder: string;
  /** A URL or a data folder, see `openObjects`. */
  readonly objects: string;
  /** Where records of other workers come in by TCP; absent: unix sockets, one machine. */
  readonly dataHost?: string;
  readonly healthPort?: number;
  /** How long an end that was asked for waits until others have taken over. */
  readonly drainTimeoutMs: number;
  readonly slotCount: number;
  /** What each slot may hold, heap and buffers; absent: its part of the process's memory. */
  readonly slotMemoryMb?: number;
  /** What the inputs of a slot may hold of it, in MiB. Default by the slot's memory. */
  readonly networkMemoryMb?: number;
  /** 0 chooses one; absent: no endpoint. */
  readonly metricsPort?: number;
  /** Default 127.0.0.1. */
  readonly metricsHost?: string;
  /** Absent: plain text, open, and for this machine only. */
  readonly security?: SecurityOptions;
  /** Names of variables that jobs see besides the usual ones. */
  readonly passedVariables?: readonly string[];
  readonly orphanTimeoutMs?: number;
  /** A slot that makes no progress for so long is ended; checks are a second apart. */
  readonly hungTaskTimeoutMs?: number;
  readonly isSupervised: boolean;
  readonly onReady: () => void;
}

/**
 * Runs a worker until the process is asked to end. Throws what the worker ends with by itself, such
 * as `version-skew`, `cluster-mismatch` or `coordinator-unreachable`, and `folder-not-writable`, `port-in-use`,
 * `insecure-bind`, and `tls-failed` for certificates that cannot be used.
 */
export async function runWorker(options: WorkerProcessOptions): Promise<void> {
  const { workerId } = options;
  const disk = createNodeDisk();
  const logger = createPinoLogger({ level: "info", fields: { process: "worker", workerId } });
  const security = openProcessSecurity("worker", options.security ?? {}, logger);
  if (options.metricsPort !== undefined && options.metricsHost !== undefined) {
    security.checkBind("metrics", options.metricsHost);
  }
  if (options.dataHost !== undefined) security.checkBind("data", options.dataHost);
  await using network = createGrpcNetwork(security);
  await using objects = await openObjects(options.objects, logger);
  const folder = join(resolve(options.dataFolder), "workers", workerId);
  const slotMemoryMb = options.slotMemoryMb ?? defaultSlotMemoryMb(options.slotCount);
  const otherStore = Promise.withResolvers<never>();
  let isEnding = false;
  const worker = createWorker({
    network,
    objects,
    clock: createNodeClock(),
    random: createNodeRandom(),
    digest: createNodeDigest(),
    compressor: createZstdCompressor(),
    logger,
    taskHost: createTaskHost(options, slotMemoryMb, security.readTls),
    bundles: createFileBundleCache(disk, join(folder, "bundles")),
    failpoints: noFailpoints,
    onCluster: (clusterId) => {
      checkObjects(objects, clusterId, logger).catch(otherStore.reject);
    },
    config: toConfig(options),
  });
  await using _metrics = await serveMetrics({
    ...security,
    port: options.metricsPort,
    ...(options.metricsHost === undefined ? {} : { host: options.metricsHost }),
    render: async () => {
      const { renderWorkerMetrics } = await import("./worker-metrics.ts");
      return renderWorkerMetrics(worker.readMetrics(), { slotMemoryBytes: slotMemoryMb * 2 ** 20 });
    },
  });
  await using _health = await serveHealth(
    options.healthPort,
    readinessOf(worker, () => !isEnding),
  );
  worker.start();
  options.onReady();
  try {
    const stopped = untilStopped(options.isSupervised);
    const cause = await Promise.race([stopped, worker.done, otherStore.promise]);
    isEnding = true;
    if (cause === "signal") await worker.drain(options.drainTimeoutMs);
  } finally {
    await worker.close();
  }
}

/**
 * Not ready before a leader has taken it: what it was started with may be wrong. Afterwards a leader
 * that changes does not make it less ready.
 */
function readinessOf(worker: Worker, isGoingOn: () => boolean): () => boolean {
  let wasTaken = false;
  return () => {
    wasTaken ||= worker.readMetrics().session.isConnected;
    return wasTaken && isGoingOn();
  };
}

function defaultSlotMemoryMb(slotCount: number): number {
  const allowedBytes = process.constrainedMemory();
  return decideSlotMemoryMb({ slotCount, machineBytes: totalmem(), allowedBytes });
}

function createTaskHost(
  { workerId, dataHost, isSupervised, networkMemoryMb, passedVariables = [] }: WorkerProcessOptions,
  memoryMb: number,
  readTls: ThreadTaskHostOptions["readTls"],
): TaskHost {
  return createThreadTaskHost({
    workerId,
    hint: toHint(dataHost),
    logLevel: "info",
    passedVariables,
    memoryMb,
    networkMb: networkMemoryMb ?? decideNetworkMemoryMb(memoryMb),
    // `dev` shows at parallelism 1 what could not travel at a higher one.
    encodeLocal: isSupervised,
    ...(readTls === undefined ? {} : { readTls }),
  });
}

/** Without a host the workers are on one machine, as their data folder is. */
function toHint(dataHost: string | undefined): StreamHint {
  return dataHost === undefined
    ? { kind: "unix", host: "127.0.0.1" }
    : { kind: "tcp", host: dataHost };
}

function toConfig(options: WorkerProcessOptions): WorkerConfig {
  const { workerId, coordinators, slotCount, orphanTimeoutMs, hungTaskTimeoutMs } = options;
  return {
    ...defaultWorkerConfig,
    workerId,
    coordinatorAddresses: coordinators,
    slotCount,
    version: readVersion(),
    processId: process.pid,
    // A debugger stops threads for good reasons.
    isHungTaskCheckOn: !process.execArgv.some((argument) => argument.startsWith("--inspect")),
    ...(orphanTimeoutMs === undefined ? {} : { orphanTimeoutMs }),
    ...(hungTaskTimeoutMs === undefined ? {} : { hungTaskTimeoutMs }),
  };
}
