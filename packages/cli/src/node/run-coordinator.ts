import { createCoordinator, defaultCoordinatorConfig } from "@millrace/coordinator";
import { noFailpoints } from "@millrace/core";
import {
  createNodeClock,
  createNodeDigest,
  createNodeRandom,
  createPinoLogger,
} from "@millrace/platform";
import { createGrpcNetwork } from "@millrace/rpc";

import { openProcessSecurity, type SecurityOptions } from "../security/process-security.ts";
import { readVersion } from "../version.ts";
import { openMetadata, openObjects } from "./open-stores.ts";
import { serveMetrics } from "./serve-metrics.ts";
import { untilStopped } from "./until-stopped.ts";

export interface CoordinatorProcessOptions {
  readonly bind: string;
  readonly dataFolder: string;
  /** 0 chooses one; absent: no endpoint. */
  readonly metricsPort?: number;
  /** Default 127.0.0.1. */
  readonly metricsHost?: string;
  /** Absent: plain text, open, and for this machine only. */
  readonly security?: SecurityOptions;
  readonly slotWaitMs?: number;
  readonly heartbeatIntervalMs?: number;
  readonly gcPeriodMs?: number;
  readonly isSupervised: boolean;
  readonly onReady: (address: string) => void;
}

/**
 * Runs a coordinator until the process is asked to end. Throws `port-in-use`, `folder-not-writable`,
 * `insecure-bind`, and `tls-failed` for certificates that cannot be used.
 */
export async function runCoordinator(options: CoordinatorProcessOptions): Promise<void> {
  const clock = createNodeClock();
  const logger = createPinoLogger({ level: "info", fields: { process: "coordinator" } });
  const security = openProcessSecurity("coordinator", options.security ?? {}, logger);
  security.checkBind("session", options.bind.slice(0, options.bind.lastIndexOf(":")));
  if (options.metricsPort !== undefined && options.metricsHost !== undefined) {
    security.checkBind("metrics", options.metricsHost);
  }
  await using network = createGrpcNetwork(security);
  await using metadata = await openMetadata(options.dataFolder, clock);
  await using objects = await openObjects(options.dataFolder);
  const deposed = Promise.withResolvers<void>();
  const coordinator = createCoordinator({
    network,
    access: security.access,
    metadata,
    objects,
    clock,
    logger,
    random: createNodeRandom(),
    digest: createNodeDigest(),
    failpoints: noFailpoints,
    config: {
      ...defaultCoordinatorConfig,
      address: options.bind,
      version: readVersion(),
      ...(options.slotWaitMs === undefined ? {} : { slotWaitMs: options.slotWaitMs }),
      ...(options.heartbeatIntervalMs === undefined
        ? {}
        : { heartbeatIntervalMs: options.heartbeatIntervalMs }),
      ...(options.gcPeriodMs === undefined ? {} : { gcPeriodMs: options.gcPeriodMs }),
    },
    onDeposed: () => deposed.resolve(),
  });
  const { address } = await coordinator.start();
  await using _metrics = await serveMetrics({
    ...security,
    port: options.metricsPort,
    ...(options.metricsHost === undefined ? {} : { host: options.metricsHost }),
    render: async () => {
      const { renderCoordinatorMetrics } = await import("./coordinator-metrics.ts");
      return renderCoordinatorMetrics(coordinator.readMetrics());
    },
  });
  options.onReady(address);
  await Promise.race([untilStopped(options.isSupervised), deposed.promise]);
  await coordinator.close();
}
