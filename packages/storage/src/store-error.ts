import { StreamError } from "@millrace/core";

const unwritable: ReadonlySet<unknown> = new Set([
  "EACCES",
  "EEXIST",
  "EISDIR",
  "ENOTDIR",
  "EPERM",
  "EROFS",
]);

/**
 * Returns what a failed system call means to the store: `folder-not-writable` if only somebody can
 * help, else `unavailable`; a full disk may have room again. What has no system code is passed on.
 */
export function toStoreError(what: string, cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === undefined || cause instanceof StreamError) return cause;
  const advice = code === "ENOSPC" ? "the disk is full" : "check the folder, its owner, the disk";
  const message = `object store: ${what} failed (${code}); ${advice}`;
  if (unwritable.has(code)) {
    return new StreamError("folder-not-writable", message, {
      domain: "external",
      retry: "never",
      cause,
    });
  }
  return new StreamError("unavailable", message, { domain: "external", retry: "backoff", cause });
}

/** Returns the operating system's code, such as `ENOENT`, or undefined. */
export function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
