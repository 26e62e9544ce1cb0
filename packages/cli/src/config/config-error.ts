import { StreamError } from "@millrace/core";

/** Returns the error of a setting that cannot be used; the message names file or variable, and key. */
export function configError(message: string, cause?: unknown): StreamError {
  return new StreamError("config-invalid", message, { domain: "user", retry: "never", cause });
}
