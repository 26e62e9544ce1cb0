import {
  isEqualInConstantTime,
  StreamError,
  type Caller,
  type Clock,
  type Digest,
  type Logger,
} from "@millrace/core";

import { isRoleEnough, neededRole, type AccessRole } from "./call-policy.ts";
import { FailureLimiter, type FailureLimits } from "./failure-limiter.ts";

/** A token as it is kept: only its hash. */
export interface AccessToken {
  /** Of its holder, for the log. */
  readonly name: string;
  readonly role: AccessRole;
  /** Of the token's text, in lower-case hex. */
  readonly sha256: string;
}

export interface AccessControlOptions {
  readonly clock: Clock;
  readonly digest: Digest;
  readonly logger: Logger;
  /** Returns the tokens that count now. Absent: calls are open to all who can connect. */
  readonly readTokens?: () => readonly AccessToken[];
  readonly limits?: FailureLimits;
}

/** Decides who may open sessions and make calls. */
export interface AccessControl {
  /** Returns why the session is refused, or undefined. */
  checkSession(caller: Caller | undefined): StreamError | undefined;
  /** Returns the name of the token's holder; throws `unauthenticated`, `permission-denied`. */
  checkCall(method: string, caller: Caller | undefined): string | undefined;
  /** As `checkCall`, for what is no call of the job service: the metrics. */
  checkRole(needed: AccessRole, caller: Caller | undefined): string | undefined;
}

/**
 * Returns the access control of a coordinator, or of a process with metrics.
 *
 * I1 With tokens every call needs one, on the loopback interface too; a call without a policy is
 *    refused.
 * I2 Over TLS a session needs a worker's certificate of this cluster (SEC3).
 * I3 How long a refusal takes says nothing about which token was nearly right.
 */
export function createAccessControl(options: AccessControlOptions): AccessControl {
  const { clock, digest, logger, readTokens, limits } = options;
  const limiter = new FailureLimiter(clock, limits);
  const find = (token: string): AccessToken | undefined => {
    const hash = digest.sha256(new TextEncoder().encode(token));
    let found: AccessToken | undefined;
    for (const known of readTokens?.() ?? []) {
      if (isEqualInConstantTime(known.sha256, hash)) found = known;
    }
    return found;
  };
  const authenticate = (caller: Caller | undefined): AccessToken => {
    const { host = "unknown", peer = "unknown", token } = caller ?? {};
    if (token === undefined) {
      throw unauthenticated("this call needs a token: give one by --token-file or MILLRACE_TOKEN");
    }
    const waitMs = limiter.waitMs(host);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      throw unauthenticated(`too many wrong tokens came from ${host}: wait ${seconds} s`);
    }
    const found = find(token);
    if (found !== undefined) return found;
    limiter.count(host);
    logger.log("warn", "refused a token that is not known", { peer });
    throw unauthenticated(
      "the token is not known here (any more): make one by `millrace token create`, into the " +
        "coordinator's --tokens file",
    );
  };
  const checkRole: AccessControl["checkRole"] = (needed, caller) => {
    if (readTokens === undefined) return undefined;
    const { name, role } = authenticate(caller);
    if (isRoleEnough(role, needed)) return name;
    throw new StreamError(
      "permission-denied",
      `token ${name} has the role ${role}, this needs ${needed}: use a token of that role`,
      { domain: "user", retry: "never" },
    );
  };
  return {
    checkSession: (caller) => checkSession(caller, logger),
    checkCall: (method, caller) => checkRole(neededRole(method), caller),
    checkRole,
  };
}

function checkSession(caller: Caller | undefined, logger: Logger): StreamError | undefined {
  if (caller === undefined || !caller.isEncrypted) return undefined;
  const { identity, identityProblem, peer } = caller;
  if (identity?.role === "worker") return undefined;
  const problem =
    identityProblem ?? `the certificate of the peer at ${peer} is of a ${identity?.role}`;
  logger.log("warn", "refused a session", { peer, cause: problem });
  return new StreamError(
    "unauthenticated",
    `a session needs a worker's certificate of this cluster: ${problem}`,
    { domain: "external", retry: "never" },
  );
}

function unauthenticated(message: string): StreamError {
  return new StreamError("unauthenticated", message, { domain: "user", retry: "never" });
}
