import type { StreamErrorCode } from "@millrace/core";

/** 0 ok, 1 the job failed, 2 usage, 3 cluster unreachable, 4 timeout, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 130;

const usageCodes: ReadonlySet<StreamErrorCode> = new Set<StreamErrorCode>([
  "already-exists",
  "bundle-invalid",
  "bundle-too-large",
  "folder-not-writable",
  "invalid-argument",
  "job-module-failed",
  "job-module-invalid",
  "job-module-not-found",
  "job-module-syntax",
  "job-module-timeout",
  "not-found",
  "port-in-use",
]);

/** Returns the exit code of a command that failed with the code. */
export function exitCodeOf(code: StreamErrorCode): ExitCode {
  if (code === "coordinator-unreachable" || code === "unavailable") return 3;
  if (code === "deadline-exceeded") return 4;
  if (code === "cancelled") return 130;
  return usageCodes.has(code) ? 2 : 1;
}
