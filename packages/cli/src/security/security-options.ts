import { Option, type Command } from "commander";

import type { SecurityOptions } from "./process-security.ts";

/** What `addSecurityOptions` gives an action. */
export interface SecurityCommandOptions extends SecurityOptions {
  readonly metricsHost?: string;
}

/** Adds what a coordinator and a worker take: certificates, tokens, where metrics are. */
export function addSecurityOptions(command: Command): Command {
  for (const option of tlsOptions()) command.addOption(option);
  return command
    .option("--tokens <file>", "the hashes of the tokens that count (millrace token create)")
    .option("--allow-insecure", "listen beyond this machine without TLS or tokens")
    .option("--metrics-host <host>", "where /metrics listens; beyond this machine: TLS and tokens");
}

/** Adds what a command that asks a coordinator takes: whom to believe, and a token. */
export function addClientSecurityOptions(command: Command): Command {
  command
    .option("--token-file <file>", "a file with the token to show; else MILLRACE_TOKEN")
    .option("--allow-insecure", "show the token beyond this machine without TLS");
  for (const option of tlsOptions()) command.addOption(option);
  return command;
}

function tlsOptions(): readonly Option[] {
  return [
    new Option("--tls-ca <file>", "certificates of the authority to believe: TLS is on"),
    new Option("--tls-cert <file>", "the own certificate (millrace certs issue)"),
    new Option("--tls-key <file>", "its private key"),
  ];
}
