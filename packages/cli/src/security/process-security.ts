import { createAccessControl, type AccessControl } from "@millrace/coordinator";
import type { Logger, OwnedTlsMaterial, PeerRole, StreamError } from "@millrace/core";
import { createNodeClock, createNodeDigest } from "@millrace/platform";

import { checkBind, type BindPurpose } from "./check-bind.ts";
import { openProcessTls } from "./tls-files.ts";
import { openTokenFile } from "./token-file.ts";

/** What the operator of a coordinator or worker says about security; all absent: this machine only. */
export interface SecurityOptions {
  /** PEM files: `--tls-ca`, `--tls-cert`, `--tls-key`. */
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** `--tokens`. */
  readonly tokens?: string;
  readonly allowInsecure?: boolean;
}

/** What a process does about it. */
export interface ProcessSecurity {
  /** Absent: plain text. Asked for each new connection. */
  readonly readTls?: () => OwnedTlsMaterial;
  readonly access: AccessControl;
  /** Throws `insecure-bind`, or logs loudly that strangers can come in. Called before listening. */
  checkBind(purpose: BindPurpose, host: string): void;
  /** For the network: logs connections that were refused in their handshake. */
  onRefused(error: StreamError): void;
}

/** Returns the security of a process of the role; throws for files that cannot be used. */
export function openProcessSecurity(
  role: PeerRole,
  options: SecurityOptions,
  logger: Logger,
): ProcessSecurity {
  const { tlsCa, tlsCert, tlsKey, tokens, allowInsecure = false } = options;
  const onProblem = ({ code, message }: StreamError): void =>
    logger.log("error", "a changed file is not used", { code, cause: message });
  const files = {
    ...(tlsCa === undefined ? {} : { authority: tlsCa }),
    ...(tlsCert === undefined ? {} : { certificate: tlsCert }),
    ...(tlsKey === undefined ? {} : { privateKey: tlsKey }),
  };
  const readTls = openProcessTls(files, role, onProblem);
  const readTokens = tokens === undefined ? undefined : openTokenFile(tokens, onProblem);
  const access = createAccessControl({
    clock: createNodeClock(),
    digest: createNodeDigest(),
    logger,
    ...(readTokens === undefined ? {} : { readTokens }),
  });
  return {
    ...(readTls === undefined ? {} : { readTls }),
    access,
    checkBind(purpose, host) {
      const decision = checkBind({
        purpose,
        host,
        hasTls: readTls !== undefined,
        hasTokens: readTokens !== undefined,
        isInsecureAllowed: allowInsecure,
      });
      if (decision.kind === "refused") throw decision.error;
      if (decision.kind === "allowed-insecure") logger.log("warn", decision.warning, { host });
    },
    onRefused: ({ message }) => logger.log("warn", "refused a connection", { cause: message }),
  };
}
