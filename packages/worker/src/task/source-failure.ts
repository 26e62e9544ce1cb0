import { InvariantError, StreamError, type FailureLocation } from "@millrace/core";

/**
 * Returns what a connector threw, with its place: an error that says what it is keeps its code, any
 * other is `source-failed`.
 */
export function sourceFailure(
  error: unknown,
  place: { readonly what: string; readonly location: FailureLocation },
): unknown {
  if (error instanceof InvariantError) return error;
  if (error instanceof StreamError) {
    return new StreamError(error.code, error.message, {
      domain: error.domain,
      retry: error.retry,
      cause: error,
      location: { ...place.location, ...error.location },
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new StreamError("source-failed", `${place.what} failed: ${reason}`, {
    domain: "external",
    retry: "backoff",
    cause: error,
    location: place.location,
  });
}
