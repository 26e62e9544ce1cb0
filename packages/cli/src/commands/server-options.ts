import { Option, type Command } from "commander";

import { addSecurityOptions, type SecurityCommandOptions } from "../security/security-options.ts";
import { parsePort } from "./shared-options.ts";

/** What `addServerOptions` gives an action. */
export interface ServerCommandOptions extends SecurityCommandOptions {
  readonly metricsPort?: number;
  readonly healthPort?: number;
  readonly supervised?: true;
}

/** Adds what a coordinator and a worker take: how they are secured, and where they are watched. */
export function addServerOptions(command: Command): Command {
  return addSecurityOptions(command)
    .option("--metrics-port <port>", "serve /metrics and /healthz on this port", parsePort)
    .option("--health-port <port>", "serve gRPC health checks on this port of 127.0.0.1", parsePort)
    .addOption(new Option("--supervised", "end with the standard input").hideHelp());
}
