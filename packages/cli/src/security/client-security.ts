import type { GrpcNetworkOptions } from "@millrace/rpc";

import { readClientTls } from "./tls-files.ts";
import { readTokenText } from "./token-file.ts";

/** What a command shows of itself and whom it believes. */
export interface ClientSecurityOptions {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
}

/**
 * Returns what the command's network shows: certificates from the files, and the token of `--token-file`
 * or, without it, of `MILLRACE_TOKEN`. Throws `invalid-argument`, `tls-failed`.
 */
export function readClientSecurity(
  options: ClientSecurityOptions,
  environment: Readonly<Record<string, string | undefined>>,
): GrpcNetworkOptions {
  const { tlsCa, tlsCert, tlsKey, tokenFile } = options;
  const tls = readClientTls({
    ...(tlsCa === undefined ? {} : { authority: tlsCa }),
    ...(tlsCert === undefined ? {} : { certificate: tlsCert }),
    ...(tlsKey === undefined ? {} : { privateKey: tlsKey }),
  });
  const given = environment["MILLRACE_TOKEN"]?.trim();
  const token = tokenFile === undefined ? given : readTokenText(tokenFile);
  return {
    ...(tls === undefined ? {} : { readTls: () => tls }),
    ...(token === undefined || token === "" ? {} : { readToken: () => token }),
  };
}
