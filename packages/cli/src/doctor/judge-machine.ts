import type { StreamError } from "@millrace/core";

import { formatBytes, formatDuration } from "../output.ts";
import { failed, failedWith, ok, warning, type Finding } from "./finding.ts";

const neededNode = 24;

/** Returns whether this Node can run Millrace. */
export function judgeNode(version: string): Finding {
  const major = Number(version.split(".")[0]);
  if (major >= neededNode) return ok("node", `Node ${version}`);
  return failed("node", {
    code: "node-too-old",
    message: `this is Node ${version}, and Millrace needs ${neededNode} or later`,
    remedy: "Start it as npx millrace, which brings its own Node, or install a newer one.",
  });
}

/** What is known of a folder on this machine. */
export type FolderFacts =
  | { readonly kind: "usable"; readonly path: string; readonly freeBytes: number }
  | { readonly kind: "failed"; readonly error: StreamError };

const scarceBytes = 100_000_000;
const lowBytes = 2_000_000_000;

/** Returns whether the folder can be written, and has room. */
export function judgeFolder(facts: FolderFacts): Finding {
  const check = "data folder";
  if (facts.kind === "failed") return failedWith(check, facts.error);
  const { path, freeBytes } = facts;
  const message = `${path} can be written; ${formatBytes(freeBytes)} are free on its disk`;
  const problem = { code: "out-of-space", message, remedy: "Make room, or choose another disk." };
  if (freeBytes < scarceBytes) return failed(check, problem);
  return freeBytes < lowBytes ? warning(check, problem) : ok(check, message);
}

/** What another machine's clock shows, as far as one answer tells. */
export interface ClockFacts {
  /** Whose clock, such as `S3` or `etcd`. */
  readonly what: string;
  /** Theirs minus ours, in the middle of the round trip. */
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

/** A `Date` header has whole seconds. */
const resolutionMs = 1_000;
const tolerableMs = 5_000;
/** S3 refuses requests that are signed further away than 15 minutes. */
const refusedMs = 15 * 60_000;

/** Returns whether the clocks agree as far as it matters: S3 signs by it, people read logs by it. */
export function judgeClock({ what, offsetMs, roundTripMs }: ClockFacts): Finding {
  const check = `clock: ${what}`;
  const away = Math.abs(offsetMs);
  const uncertainMs = roundTripMs / 2 + resolutionMs;
  if (away <= tolerableMs + uncertainMs) {
    return ok(check, `this machine's clock agrees with that of ${what}`);
  }
  const side = offsetMs > 0 ? "behind" : "ahead of";
  const problem = {
    code: "clock-skew",
    message: `this machine's clock is ${formatDuration(away)} ${side} that of ${what}`,
    remedy: "Set both clocks by NTP; signatures, certificates and log times depend on them.",
  };
  return away >= refusedMs ? failed(check, problem) : warning(check, problem);
}

/** A certificate of this process or one that a coordinator shows. */
export interface CertificateFacts {
  /** Such as `--tls-cert /etc/millrace/tls.crt`. */
  readonly what: string;
  readonly subject: string;
  readonly validFromMs: number;
  readonly validToMs: number;
}

const dayMs = 86_400_000;
const renewDays = 14;

/** Returns whether the certificate is valid at the moment, and for some days more. */
export function judgeCertificateTimes(facts: CertificateFacts, nowMs: number): Finding {
  const { what, subject, validFromMs, validToMs } = facts;
  const check = `certificate: ${what}`;
  const remedy = "Issue a new one (millrace certs issue); processes read it without a restart.";
  const until = new Date(validToMs).toISOString().slice(0, 10);
  if (nowMs < validFromMs) {
    const from = new Date(validFromMs).toISOString();
    const message = `${subject} is valid from ${from} only`;
    return failed(check, { code: "tls-failed", message, remedy: "Correct this machine's clock." });
  }
  if (nowMs > validToMs) {
    return failed(check, { code: "tls-failed", message: `${subject} expired on ${until}`, remedy });
  }
  const days = Math.floor((validToMs - nowMs) / dayMs);
  const message = `${subject} is valid until ${until}, ${days} days more`;
  if (days >= renewDays) return ok(check, message);
  return warning(check, { code: "certificate-expires", message, remedy });
}
