import { StreamError, type StreamErrorCode } from "@millrace/core";

const isFull: ReadonlySet<string> = new Set(["EDQUOT", "ENOSPC"]);
const unwritable: ReadonlySet<string> = new Set([
  "EACCES",
  "EDQUOT",
  "EEXIST",
  "EISDIR",
  "ENOSPC",
  "ENOTDIR",
  "EPERM",
  "EROFS",
]);

/** Returns what a failed read of a path means to whoever named it. */
export function toReadError(path: string, cause: unknown): StreamError {
  const code = systemCode(cause);
  if (code === "ENOENT") return diskError("not-found", `there is no file ${path}`, cause);
  return diskError("input-unreadable", `${path} cannot be read (${code})`, cause);
}

/** Returns what a failed write to a path means to whoever named it. */
export function toWriteError(path: string, cause: unknown): StreamError {
  const code = systemCode(cause);
  if (code === "ENOENT") return diskError("not-found", `there is no file ${path}`, cause);
  const reason = isFull.has(code) ? "the disk is full" : "check its owner and permissions";
  const errorCode = unwritable.has(code) ? "folder-not-writable" : "unavailable";
  return diskError(errorCode, `${path} cannot be written (${code}): ${reason}`, cause);
}

/** Returns the operating system's code, such as `ENOENT`. */
export function systemCode(cause: unknown): string {
  const hasCode = typeof cause === "object" && cause !== null && "code" in cause;
  return hasCode ? String(cause.code) : "unknown";
}

function diskError(code: StreamErrorCode, message: string, cause: unknown): StreamError {
  const retry = code === "unavailable" ? "backoff" : "never";
  return new StreamError(code, message, { domain: "external", retry, cause });
}
