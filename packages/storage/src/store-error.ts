import { StreamError } from "@millrace/core";

const unwritable: ReadonlySet<unknown> = new Set([
  "EACCES",
  "EEXIST",
  "EISDIR",
  "ENOTDIR",
  "EPERM",
  "EROFS",
]);

const full: ReadonlySet<unknown> = new Set(["EDQUOT", "ENOSPC"]);

/**
 * Returns what a failed system call means to the store: `folder-not-writable` or `out-of-space` if
 * only somebody can help, else `unavailable`. What has no system code is passed on.
 */
export function toStoreError(what: string, cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === undefined || cause instanceof StreamError) return cause;
  const judged = unwritable.has(code)
    ? "folder-not-writable"
    : full.has(code)
      ? "out-of-space"
      : "unavailable";
  const advice =
    judged === "out-of-space" ? "the disk is full" : "check the folder, its owner, the disk";
  return new StreamError(judged, `object store: ${what} failed (${code}); ${advice}`, {
    domain: "external",
    retry: judged === "unavailable" ? "backoff" : "never",
    cause,
  });
}

/** Returns the operating system's code, such as `ENOENT`, or undefined. */
export function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
