import { isIPv4 } from "node:net";

import { StreamError } from "@millrace/core";

/** What listens: control sessions and calls, the metrics endpoint, the sockets of records. */
export type BindPurpose = "session" | "metrics" | "data";

export interface BindRequest {
  readonly purpose: BindPurpose;
  /** As the operator gave it; a port may follow. */
  readonly host: string;
  readonly hasTls: boolean;
  readonly hasTokens: boolean;
  /** `--allow-insecure`. */
  readonly isInsecureAllowed: boolean;
}

export type BindDecision =
  | { readonly kind: "allowed" }
  /** Only because the operator says so: the warning is logged at each start. */
  | { readonly kind: "allowed-insecure"; readonly warning: string }
  | { readonly kind: "refused"; readonly error: StreamError };

/**
 * Returns whether a process may listen there (SEC1): beyond the loopback interface only with what
 * keeps strangers out. A name that may resolve to anything counts as beyond.
 */
export function checkBind(request: BindRequest): BindDecision {
  const { purpose, host, isInsecureAllowed } = request;
  if (isLoopback(host)) return { kind: "allowed" };
  const missing = missingOf(request);
  if (missing.length === 0) return { kind: "allowed" };
  const what = `${purposes[purpose]} at ${host} can be reached from other machines`;
  if (isInsecureAllowed) {
    return {
      kind: "allowed-insecure",
      warning: `${what} without ${missing.join(" and ")}, as --allow-insecure says: ${danger[purpose]}`,
    };
  }
  const message =
    `${what}, and there is no ${missing.join(" and no ")}: give ${missing.map((name) => remedy[name]).join(" and ")}, ` +
    "bind to 127.0.0.1, or accept the risk with --allow-insecure";
  return {
    kind: "refused",
    error: new StreamError("insecure-bind", message, { domain: "user", retry: "never" }),
  };
}

/** Whether only processes of this machine can reach the host. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (isIPv4(bare)) return bare.startsWith("127.");
  return bare === "localhost" || bare === "::1";
}

type Protection = "TLS" | "token file";

// Who shows a channel's hello has the attempt's token; tokens of people do not apply to records.
function missingOf({ purpose, hasTls, hasTokens }: BindRequest): readonly Protection[] {
  const isTokenNeeded = purpose !== "data" && !hasTokens;
  return [...(hasTls ? [] : ["TLS" as const]), ...(isTokenNeeded ? ["token file" as const] : [])];
}

const purposes: Readonly<Record<BindPurpose, string>> = {
  session: "the coordinator",
  metrics: "the metrics endpoint",
  data: "the data sockets",
};

const danger: Readonly<Record<BindPurpose, string>> = {
  session: "whoever reaches it can run code as the workers' user",
  metrics: "whoever reaches it can read the names and figures of jobs",
  data: "whoever is on the way can read and change records",
};

const remedy: Readonly<Record<Protection, string>> = {
  TLS: "--tls-cert, --tls-key and --tls-ca (millrace certs issue makes them)",
  "token file": "--tokens (millrace token create makes one)",
};
