import { StreamError } from "@millrace/core";

/** Returns the error of a job module that cannot become a plan. */
export function invalidJob(message: string, cause?: unknown): StreamError {
  return new StreamError("job-module-invalid", message, { domain: "user", retry: "never", cause });
}
