import { InvariantError, StreamError, type FailureLocation, type SubtaskId } from "@millrace/core";

/** Where in a chain something was thrown. */
export interface ChainPlace {
  readonly subtaskId: SubtaskId;
  /** Of the step that ran. */
  readonly operator: string;
  /** What the step runs, such as `key function of`; empty for the operator itself. */
  readonly role: string;
  /** Position of the record (F24); the record itself is never part of an error. */
  readonly position: Pick<FailureLocation, "position" | "channel">;
}

/**
 * Returns what was thrown inside a chain as a StreamError that says where. An error of the author's
 * code becomes `user-function-failed`; our own errors keep their code and get the location.
 */
export function locateFailure(caught: unknown, place: ChainPlace): StreamError {
  const location: FailureLocation = {
    subtask: place.subtaskId,
    operator: place.operator,
    ...place.position,
  };
  if (caught instanceof InvariantError) {
    const message = `a bug in Millrace: ${caught.message}`;
    const options = { domain: "internal", retry: "never", cause: caught, location } as const;
    return new StreamError("internal", message, options);
  }
  if (caught instanceof StreamError) {
    return new StreamError(caught.code, caught.message, {
      domain: caught.domain,
      retry: caught.retry,
      cause: caught.cause ?? caught,
      location: { ...location, ...caught.location },
    });
  }
  const name = caught instanceof Error ? `${caught.name}: ${caught.message}` : String(caught);
  const what = `${place.role === "" ? "" : `${place.role} `}operator ${place.operator}`;
  return new StreamError(
    "user-function-failed",
    `${what} threw ${name}; see the stack for the line in the job's code`,
    { domain: "user", retry: "never", cause: caught, location },
  );
}
