import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { access, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { StreamError } from "@millrace/core";

import type { CertificateFacts, ClockFacts, FolderFacts } from "./judge-machine.ts";

const limitMs = 5_000;

/** Returns whether the folder, or the one that it would be made in, can be written. */
export async function probeFolder(folder: string): Promise<FolderFacts> {
  const path = await nearestFolder(resolve(folder));
  const probe = join(path, `.millrace-doctor-${randomBytes(6).toString("hex")}`);
  try {
    await writeFile(probe, "probe");
    const { bavail, bsize } = await statfs(path);
    return { kind: "usable", path: resolve(folder), freeBytes: bavail * bsize };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the data folder ${resolve(folder)} cannot be written (${reason})`;
    const options = { domain: "external", retry: "never", cause } as const;
    return { kind: "failed", error: new StreamError("folder-not-writable", message, options) };
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}

async function nearestFolder(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    const isThere = await access(current).then(
      () => true,
      () => false,
    );
    if (isThere || current === dirname(current)) return current;
  }
}

/** Returns what the `Date` of an HTTP answer says, whatever the answer is; undefined if there is none. */
export async function probeClock(what: string, url: string): Promise<ClockFacts | undefined> {
  try {
    const before = Date.now();
    const startedMs = performance.now();
    const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(limitMs) });
    const roundTripMs = performance.now() - startedMs;
    const theirs = Date.parse(answer.headers.get("date") ?? "");
    if (Number.isNaN(theirs)) return undefined;
    // The header has whole seconds: half of one is the best guess.
    return { what, offsetMs: theirs + 500 - (before + roundTripMs / 2), roundTripMs };
  } catch {
    // That nobody answers there is another check's finding.
    return undefined;
  }
}

/** Returns the certificates of a PEM file; throws `invalid-argument` for a file that holds none. */
export async function readCertificates(
  what: string,
  path: string,
): Promise<readonly CertificateFacts[]> {
  const text = await readPem(what, path);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw invalid(`${what} ${path} holds no PEM certificate`);
  return blocks.map((block) => {
    const { subject, validFromDate, validToDate } = new X509Certificate(block);
    return {
      what: `${what} ${path}`,
      subject: subject === "" ? "the certificate" : subject.replaceAll("\n", ", "),
      validFromMs: validFromDate.getTime(),
      validToMs: validToDate.getTime(),
    };
  });
}

/** Throws `tls-failed` unless the key is that of the certificate. */
export async function checkKeyPair(certificatePath: string, keyPath: string): Promise<void> {
  const certificate = new X509Certificate(await readPem("--tls-cert", certificatePath));
  const key = createPrivateKey(await readPem("--tls-key", keyPath));
  if (certificate.checkPrivateKey(key)) return;
  throw new StreamError(
    "tls-failed",
    `the key ${keyPath} is not that of the certificate ${certificatePath}`,
    { domain: "user", retry: "never" },
  );
}

async function readPem(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw invalid(`${what} ${path} cannot be read (${String(cause)})`, cause);
  }
}

function invalid(message: string, cause?: unknown): StreamError {
  return new StreamError("invalid-argument", message, { domain: "user", retry: "never", cause });
}
