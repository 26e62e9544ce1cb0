import {
  parseCheckpointId,
  parseJobId,
  StreamError,
  type CheckpointId,
  type JobId,
} from "@millrace/core";
import { InvalidArgumentError } from "commander";

/** A checkpoint as a command line names it. */
export interface CheckpointName {
  readonly jobId: JobId;
  /** Absent: the latest of the job. */
  readonly checkpointId?: CheckpointId;
}

/** Returns what `<job>` or `<job>/<checkpoint id>` names. Throws `InvalidArgumentError`. */
export function parseCheckpointName(text: string): CheckpointName {
  const [job = "", id, ...rest] = text.split("/");
  if (rest.length > 0) throw new InvalidArgumentError("write it as <job> or <job>/<checkpoint>.");
  const jobId = parseJob(job);
  return id === undefined ? { jobId } : { jobId, checkpointId: parseId(id) };
}

function parseJob(text: string): JobId {
  try {
    return parseJobId(text);
  } catch (error) {
    throw new InvalidArgumentError(StreamError.from(error).message);
  }
}

/** Returns the id that a text of digits is. Throws `InvalidArgumentError`. */
export function parseId(text: string): CheckpointId {
  try {
    if (/^\d{1,20}$/.test(text)) return parseCheckpointId(BigInt(text));
  } catch (error) {
    throw new InvalidArgumentError(StreamError.from(error).message);
  }
  throw new InvalidArgumentError("give the number that millrace checkpoints shows.");
}
