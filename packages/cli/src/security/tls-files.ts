import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

import {
  findPeerIdentity,
  StreamError,
  tlsFailed,
  type OwnedTlsMaterial,
  type PeerRole,
  type TlsMaterial,
  type TlsOwnMaterial,
} from "@millrace/core";

import { rereadOnChange } from "./reread-on-change.ts";

/** Where the PEM files lie: `--tls-ca`, `--tls-cert`, `--tls-key`. */
export interface TlsFiles {
  readonly authority?: string;
  readonly certificate?: string;
  readonly privateKey?: string;
}

/** How often the files are looked at for a renewal. */
const renewalCheckMs = 5_000;

/**
 * Returns what reads the files again when they have changed, for a process of the role; undefined
 * without any of the three. Throws `invalid-argument` for an incomplete set or a file that cannot be
 * read, and `tls-failed` for a certificate that nobody would accept. A renewal that cannot be used is told
 * to `onProblem`, and what was read before stays.
 */
export function openProcessTls(
  files: TlsFiles,
  role: PeerRole,
  onProblem: (error: StreamError) => void,
): (() => OwnedTlsMaterial) | undefined {
  const { authority, certificate, privateKey } = files;
  if (authority === undefined && certificate === undefined && privateKey === undefined) {
    return undefined;
  }
  if (authority === undefined || certificate === undefined || privateKey === undefined) {
    throw usage(`a ${role} needs all of --tls-ca, --tls-cert and --tls-key, or none of them`);
  }
  const read = (): OwnedTlsMaterial => ({
    authority: readAuthority(authority),
    own: readOwn({ certificate, privateKey }, role),
  });
  const paths = [authority, certificate, privateKey];
  return rereadOnChange({ paths, read, checkMs: renewalCheckMs, onProblem });
}

/**
 * Returns a command's TLS: with `--tls-ca` alone it believes the coordinator and brings a token. Throws
 * as `openProcessTls`.
 */
export function readClientTls(files: TlsFiles): TlsMaterial | undefined {
  const { authority, certificate, privateKey } = files;
  if (authority === undefined) {
    if (certificate === undefined && privateKey === undefined) return undefined;
    throw usage("--tls-cert and --tls-key need --tls-ca: whom to believe");
  }
  if ((certificate === undefined) !== (privateKey === undefined)) {
    throw usage("--tls-cert and --tls-key belong together");
  }
  if (certificate === undefined || privateKey === undefined) {
    return { authority: readAuthority(authority) };
  }
  const own = readOwn({ certificate, privateKey }, undefined);
  return { authority: readAuthority(authority), own };
}

function readAuthority(path: string): string {
  const pem = readPem(path, "--tls-ca");
  parseCertificate(pem, path, "--tls-ca");
  return pem;
}

function readOwn(
  paths: { readonly certificate: string; readonly privateKey: string },
  role: PeerRole | undefined,
): TlsOwnMaterial {
  const certificate = readPem(paths.certificate, "--tls-cert");
  const privateKey = readPem(paths.privateKey, "--tls-key");
  const parsed = parseCertificate(certificate, paths.certificate, "--tls-cert");
  const identity = findPeerIdentity(parsed.subjectAltName);
  if (identity === undefined || (role !== undefined && identity.role !== role)) {
    const is = identity === undefined ? "has no millrace:// name" : `is of a ${identity.role}`;
    const issue = `millrace certs issue --role ${role ?? "client"}`;
    throw tlsFailed(`the certificate ${paths.certificate} ${is}: make one by \`${issue}\``);
  }
  if (parsed.validToDate.getTime() < Date.now()) {
    throw tlsFailed(
      `the certificate ${paths.certificate} expired at ${parsed.validTo}: issue a new one, or correct ` +
        "this machine's clock",
    );
  }
  if (!parsed.checkPrivateKey(parsePrivateKey(privateKey, paths.privateKey))) {
    throw tlsFailed(
      `the key ${paths.privateKey} is not that of the certificate ${paths.certificate}: give the pair`,
    );
  }
  return { certificate, privateKey, identity };
}

function parseCertificate(pem: string, path: string, flag: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw unreadable(`${flag} ${path} is not a PEM certificate`, cause);
  }
}

function parsePrivateKey(pem: string, path: string) {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw unreadable(`--tls-key ${path} is not a PEM private key without a passphrase`, cause);
  }
}

function readPem(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unreadable(`${flag} ${path} cannot be read (${reason})`, cause);
  }
}

function unreadable(message: string, cause: unknown): StreamError {
  return new StreamError("invalid-argument", message, { domain: "user", retry: "never", cause });
}

function usage(message: string): StreamError {
  return new StreamError("invalid-argument", message, { domain: "user", retry: "never" });
}
