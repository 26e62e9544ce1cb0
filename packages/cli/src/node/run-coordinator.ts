import {
  createCoordinator,
  defaultCoordinatorConfig,
  idleMetrics,
  type Coordinator,
  type CoordinatorConfig,
  type CoordinatorOptions,
  type CoordinatorRole,
} from "@millrace/coordinator";
import { noFailpoints, type Logger } from "@millrace/core";
import {
  createNodeClock,
  createNodeDigest,
  createNodeRandom,
  createPinoLogger,
  createZstdCompressor,
} from "@millrace/platform";
import { createGrpcNetwork } from "@millrace/rpc";

import {
  openProcessSecurity,
  type ProcessSecurity,
  type SecurityOptions,
} from "../security/process-security.ts";
import { readVersion } from "../version.ts";
import { openMetadata, openObjects, type MetadataPlace } from "./open-stores.ts";
import { serveHealth } from "./serve-health.ts";
import { serveMetrics } from "./serve-metrics.ts";
import { untilStopped } from "./until-stopped.ts";

export interface CoordinatorProcessOptions {
  readonly bind: string;
  /** How others reach it; default: where it listens. */
  readonly advertise?: string;
  readonly metadata: MetadataPlace;
  /** A URL or a data folder, see `openObjects`. */
  readonly objects: string;
  readonly leaseMs: number;
  /** 0 chooses one; absent: no endpoint. */
  readonly metricsPort?: number;
  /** Default 127.0.0.1. */
  readonly metricsHost?: string;
  readonly healthPort?: number;
  /** Absent: plain text, open, and for this machine only. */
  readonly security?: SecurityOptions;
  readonly slotWaitMs?: number;
  readonly heartbeatIntervalMs?: number;
  readonly gcPeriodMs?: number;
  readonly isSupervised: boolean;
  readonly onReady: (started: { readonly address: string; readonly role: CoordinatorRole }) => void;
}

/**
 * Runs a coordinator until the process is asked to end. Deposed, it stands by again where there are
 * leases; without them (one machine) a newer one leads, and this one ends. Throws `port-in-use`,
 * `folder-not-writable`, `insecure-bind`, `tls-failed` for certificates that cannot be used, and what
 * the stores refuse for good, such as `access-denied`.
 */
export async function runCoordinator(options: CoordinatorProcessOptions): Promise<void> {
  const clock = createNodeClock();
  const logger = createPinoLogger({ level: "info", fields: { process: "coordinator" } });
  const security = openSecurity(options, logger);
  await using network = createGrpcNetwork(security);
  await using metadata = await openMetadata(options.metadata, clock);
  await using objects = await openObjects(options.objects, logger);
  const stopped = untilStopped(options.isSupervised);
  let coordinator: Coordinator | undefined;
  await using _metrics = await serveMetrics({
    ...security,
    port: options.metricsPort,
    ...(options.metricsHost === undefined ? {} : { host: options.metricsHost }),
    render: async () => {
      const { renderCoordinatorMetrics } = await import("./coordinator-metrics.ts");
      return renderCoordinatorMetrics(coordinator?.readMetrics() ?? idleMetrics());
    },
  });
  await using _health = await serveHealth(options.healthPort, () => coordinator !== undefined);
  const ports = {
    network,
    metadata,
    objects,
    clock,
    logger,
    access: security.access,
    random: createNodeRandom(),
    digest: createNodeDigest(),
    compressor: createZstdCompressor(),
    failpoints: noFailpoints,
  };
  let config = toConfig(options);
  for (let isFirst = true; ; isFirst = false) {
    const term = createTerm({ ...ports, config });
    // A start may wait for the stores as long as it takes: it can be stopped meanwhile.
    const started = await Promise.race([term.coordinator.start(), term.ended, stopped]);
    if (typeof started === "object") {
      ({ coordinator } = term);
      // A port that was chosen stays the same.
      config = { ...config, address: started.address };
      if (isFirst) options.onReady(started);
    }
    const cause = await Promise.race([stopped, term.ended]);
    coordinator = undefined;
    await term.coordinator.close();
    if (cause !== "deposed" || metadata.leases === undefined) return;
  }
}

/** A coordinator, and what ends it by itself. */
function createTerm(options: CoordinatorOptions): {
  readonly coordinator: Coordinator;
  /** Rejects with what makes it unable to lead. */
  readonly ended: Promise<"deposed">;
} {
  const ended = Promise.withResolvers<"deposed">();
  const coordinator = createCoordinator({
    ...options,
    onDeposed: () => ended.resolve("deposed"),
    onFailed: ended.reject,
  });
  return { coordinator, ended: ended.promise };
}

function openSecurity(options: CoordinatorProcessOptions, logger: Logger): ProcessSecurity {
  const security = openProcessSecurity("coordinator", options.security ?? {}, logger);
  security.checkBind("session", options.bind.slice(0, options.bind.lastIndexOf(":")));
  if (options.metricsPort !== undefined && options.metricsHost !== undefined) {
    security.checkBind("metrics", options.metricsHost);
  }
  return security;
}

function toConfig(options: CoordinatorProcessOptions): CoordinatorConfig {
  const { advertise, slotWaitMs, heartbeatIntervalMs, gcPeriodMs } = options;
  return {
    ...defaultCoordinatorConfig,
    address: options.bind,
    leaseMs: options.leaseMs,
    version: readVersion(),
    ...(advertise === undefined ? {} : { advertisedAddress: advertise }),
    ...(slotWaitMs === undefined ? {} : { slotWaitMs }),
    ...(heartbeatIntervalMs === undefined ? {} : { heartbeatIntervalMs }),
    ...(gcPeriodMs === undefined ? {} : { gcPeriodMs }),
  };
}
