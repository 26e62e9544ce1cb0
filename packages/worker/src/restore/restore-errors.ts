import { StreamError, type CheckpointId, type JobId } from "@millrace/core";

/** Which checkpoint is being restored, for messages. */
export interface RestoreSubject {
  readonly jobId: JobId;
  readonly checkpointId: CheckpointId;
}

export type RestoreErrorCode =
  | "manifest-corrupt"
  | "segment-corrupt"
  | "segment-missing"
  | "state-incompatible";

/** Returns a maker of errors that name the checkpoint and say what can be done (F13, S7). */
export function restoreError(
  subject: RestoreSubject,
  code: RestoreErrorCode,
): (message: string) => StreamError {
  return (message) =>
    new StreamError(
      code,
      `checkpoint ${subject.checkpointId} of job ${subject.jobId} cannot be restored: ${message}; nothing was started from it, and its checkpoints and its output stay as they are. Find out what changed the object store, and put the object back from a copy if there is one; to begin anew, run the job again`,
      { domain: "external", retry: "never" },
    );
}
