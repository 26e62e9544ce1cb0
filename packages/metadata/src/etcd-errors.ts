import { StreamError, type StreamErrorCode } from "@millrace/core";

/** What a call does, as far as its failure is concerned: a read changes nothing. */
export type EtcdCallKind = "read" | "write";

/** The client's errors keep of gRPC's status only the text: `14 UNAVAILABLE: etcdserver: ...`. */
const statusPattern = /^(\d+) [A-Z_]+: (.*)$/s;

const notSentPattern =
  /No connection established|Name resolution failed|ECONNREFUSED|before headers were sent/;
const refusedPattern =
  /permission denied|authentication failed|invalid auth token|user name is empty|certificate|CERT|SSL/;

/** What etcd says of calls that it has refused for sure, and what that is here. */
const definite: readonly (readonly [RegExp, StreamErrorCode, string])[] = [
  [/requested lease not found|Lease .* is expired or revoked/, "not-found", ""],
  [
    /database space exceeded/,
    "out-of-space",
    "compact and defragment it, raise its quota, then disarm the alarm",
  ],
  [refusedPattern, "access-denied", "check the user, the password and the certificates"],
  [/too many requests/, "unavailable", ""],
  [/too many operations|request is too large|duplicate key/, "internal", ""],
];

/**
 * Returns a call's failure: `unavailable` when nothing happened, `unknown-outcome` when a write may
 * have (S3), `not-found` for a lease that is gone, `out-of-space` (F19), `access-denied`.
 */
export function toEtcdError(cause: unknown, call: string, kind: EtcdCallKind): StreamError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const text = statusPattern.exec(message)?.[2] ?? message;
  for (const [pattern, code, remedy] of definite) {
    if (pattern.test(text))
      return etcdError(code, call, remedy === "" ? text : `${text}: ${remedy}`, cause);
  }
  const isKnown = kind === "read" || notSentPattern.test(text);
  return etcdError(isKnown ? "unavailable" : "unknown-outcome", call, text, cause);
}

/** Whether the call was never sent to the node that was chosen for it: another node may take it. */
export function wasNotSent(cause: unknown): boolean {
  return cause instanceof Error && notSentPattern.test(cause.message);
}

function etcdError(code: StreamErrorCode, call: string, text: string, cause: unknown): StreamError {
  const isPassing = code === "unavailable" || code === "unknown-outcome" || code === "out-of-space";
  return new StreamError(code, `etcd, ${call}: ${text}`, {
    domain: "external",
    retry: isPassing ? "backoff" : "never",
    cause,
  });
}
