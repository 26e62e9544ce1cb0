import type { StreamError, TlsMaterial } from "@millrace/core";

/** How a gRPC network shows itself; all absent: plain text and no token, for one machine. */
export interface GrpcNetworkOptions {
  /**
   * Returns what to show and whom to believe; asked for each new connection, so that renewed
   * certificates need no restart. Present: TLS 1.3 everywhere, and nothing in plain text.
   */
  readonly readTls?: () => TlsMaterial;
  /** Returns what a call to `host:port` shows as bearer token; undefined: none. What it throws, the call throws. */
  readonly readToken?: (address: string) => string | undefined;
  /** Told of each connection that was refused before it could say anything: for the log. */
  readonly onRefused?: (error: StreamError) => void;
}
