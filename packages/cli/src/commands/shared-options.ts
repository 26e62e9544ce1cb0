import { parseJobId, StreamError, type JobId } from "@millrace/core";
import { Argument, InvalidArgumentError, Option, type Command } from "commander";

import type { JobClient } from "../client/job-client.ts";
import { createOutput, type Output, type OutputFormat } from "../output.ts";
import { readClientSecurity, type ClientSecurityOptions } from "../security/client-security.ts";
import { addClientSecurityOptions } from "../security/security-options.ts";

/** Where a coordinator listens unless something else is said. */
export const defaultAddress = "127.0.0.1:8471";

/** What every command that asks a coordinator takes. */
export interface ClientOptions extends ClientSecurityOptions {
  readonly coordinator: readonly string[];
  readonly context?: string;
  /** Of `MILLRACE_TOKEN`. */
  readonly token?: string;
  readonly output: OutputFormat;
}

/** Adds what every command that asks a coordinator takes. */
export function addClientOptions(command: Command): Command {
  command
    .addOption(coordinatorsOption())
    .option("--context <name>", "the cluster, by the name it has in millrace context");
  // On a command line others could read it.
  command.addOption(new Option("--token <secret>", "the token to show").hideHelp());
  return addClientSecurityOptions(command).addOption(outputOption());
}

/** Returns the option that names the coordinators of a cluster; an array of `host:port`. */
export function coordinatorsOption(): Option {
  const unset: readonly string[] = [defaultAddress];
  return new Option("--coordinator <host:port>", "the coordinators: with commas, or repeated")
    .default(unset, defaultAddress)
    .argParser((text, before: readonly string[]) =>
      parseAddresses(text, before === unset ? [] : before),
    );
}

export function outputOption(): Option {
  return new Option("-o, --output <format>", "how to print")
    .choices(["text", "json"])
    .default("text");
}

export function jobArgument(): Argument {
  return new Argument("<job>", "the job's id").argParser(parseJobArgument);
}

export function repeated(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], "none")
    .argParser((text: string, before: readonly string[]) => [...before, text]);
}

/** Runs an action with a client of the cluster and closes its connections afterwards. */
export async function withClient(
  options: ClientOptions,
  action: (client: JobClient, output: Output) => Promise<void>,
): Promise<void> {
  // Loaded late: commands that need no coordinator start faster without gRPC.
  const { createGrpcNetwork } = await import("@millrace/rpc");
  const { createNodeClock } = await import("@millrace/platform");
  const { createJobClient } = await import("../client/job-client.ts");
  const security = readClientSecurity(options, { MILLRACE_TOKEN: options.token });
  await using network = createGrpcNetwork(security);
  const client = createJobClient(network, options.coordinator, createNodeClock());
  await action(client, createOutput(options.output));
}

export function parseAddress(text: string): string {
  const port = Number(/^[^:\s]+:(\d{1,5})$/.exec(text)?.[1] ?? Number.NaN);
  if (port >= 0 && port < 65_536) return text;
  throw new InvalidArgumentError("write it as host:port, such as 127.0.0.1:8471.");
}

/** Returns the addresses before and those of the text, which may hold several with commas. */
export function parseAddresses(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").map((address) => parseAddress(address.trim()))];
}

export function parsePort(text: string): number {
  const port = parseInteger(text, 0);
  if (port < 65_536) return port;
  throw new InvalidArgumentError("a port is at most 65535.");
}

export function parseCount(text: string): number {
  return parseInteger(text, 1);
}

function parseInteger(text: string, minimum: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= minimum) return value;
  throw new InvalidArgumentError(`give a whole number of at least ${minimum}.`);
}

function parseJobArgument(text: string): JobId {
  try {
    return parseJobId(text);
  } catch (error) {
    throw new InvalidArgumentError(StreamError.from(error).message);
  }
}
