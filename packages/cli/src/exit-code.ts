import type { StreamErrorCode } from "@millrace/core";

/** 0 ok, 1 the job failed, 2 usage, 3 cluster unreachable, 4 timeout, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 130;

const usageCodes: ReadonlySet<StreamErrorCode> = new Set<StreamErrorCode>([
  "access-denied",
  "already-exists",
  "bucket-not-found",
  "bundle-invalid",
  "bundle-too-large",
  "config-invalid",
  "folder-not-writable",
  "insecure-bind",
  "invalid-argument",
  "job-module-failed",
  "job-module-invalid",
  "job-module-not-found",
  "job-module-syntax",
  "job-module-timeout",
  "not-found",
  "permission-denied",
  "port-in-use",
  "tls-failed",
  "unauthenticated",
]);

const unreachableCodes: ReadonlySet<StreamErrorCode> = new Set<StreamErrorCode>([
  "coordinator-unreachable",
  "unavailable",
]);

/** Returns the exit code of a command that failed with the code. */
export function exitCodeOf(code: StreamErrorCode): ExitCode {
  if (unreachableCodes.has(code)) return 3;
  if (code === "deadline-exceeded") return 4;
  if (code === "cancelled") return 130;
  return usageCodes.has(code) ? 2 : 1;
}
