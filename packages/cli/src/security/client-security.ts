import { tlsFailed } from "@millrace/core";
import type { GrpcNetworkOptions } from "@millrace/rpc";

import { isLoopback } from "./check-bind.ts";
import { readClientTls } from "./tls-files.ts";
import { readTokenText } from "./token-file.ts";

/** What a command shows of itself and whom it believes. */
export interface ClientSecurityOptions {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
  /** Lets the token leave this machine in plain text. */
  readonly allowInsecure?: boolean;
}

/**
 * Returns what the command's network shows: certificates from the files, and the token of `--token-file`
 * or, without it, of `MILLRACE_TOKEN`. Throws `invalid-argument`, `tls-failed`.
 */
export function readClientSecurity(
  options: ClientSecurityOptions,
  environment: Readonly<Record<string, string | undefined>>,
): GrpcNetworkOptions {
  const { tlsCa, tlsCert, tlsKey, tokenFile, allowInsecure = false } = options;
  const tls = readClientTls({
    ...(tlsCa === undefined ? {} : { authority: tlsCa }),
    ...(tlsCert === undefined ? {} : { certificate: tlsCert }),
    ...(tlsKey === undefined ? {} : { privateKey: tlsKey }),
  });
  const given = environment["MILLRACE_TOKEN"]?.trim();
  const token = tokenFile === undefined ? given : readTokenText(tokenFile);
  const readToken = (address: string): string | undefined => {
    const isSafe = tls !== undefined || allowInsecure || isLoopback(hostOf(address));
    if (isSafe || token === undefined) return token;
    throw tlsFailed(
      `the token is not sent to ${address} in plain text, where anybody on the way can take it: give ` +
        "--tls-ca, or accept the risk with --allow-insecure",
    );
  };
  return {
    ...(tls === undefined ? {} : { readTls: () => tls }),
    ...(token === undefined || token === "" ? {} : { readToken }),
  };
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}
