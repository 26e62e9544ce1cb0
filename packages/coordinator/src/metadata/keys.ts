import type { Attempt, CheckpointId, JobId } from "@millrace/core";

/** The keys of a cluster in the metadata store. Numbers are padded, so that they sort. */
export interface MetadataKeys {
  readonly cluster: string;
  /** Prefix of all jobs. */
  readonly jobs: string;
  job(jobId: JobId): JobKeys;
}

export interface JobKeys {
  /** Prefix of all that follows. */
  readonly prefix: string;
  /** What was submitted; never changed. */
  readonly record: string;
  /** The current attempt; its revision fences commits. */
  readonly attempt: string;
  /** The latest committed checkpoint. */
  readonly head: string;
  /** What the user asked for: stop, drain, cancel. */
  readonly state: string;
  /** How the job ended; there only then. */
  readonly result: string;
  readonly checkpoints: string;
  readonly pins: string;
  checkpoint(checkpointId: CheckpointId): string;
  pin(attempt: Attempt): string;
}

/** Returns the keys under a prefix, such as `millrace/`. */
export function createMetadataKeys(prefix: string): MetadataKeys {
  const jobs = `${prefix}jobs/`;
  return { cluster: `${prefix}cluster`, jobs, job: (jobId) => jobKeys(`${jobs}${jobId}/`) };
}

function jobKeys(prefix: string): JobKeys {
  const checkpoints = `${prefix}checkpoints/`;
  const pins = `${prefix}pins/`;
  return {
    prefix,
    record: `${prefix}record`,
    attempt: `${prefix}attempt`,
    head: `${prefix}head`,
    state: `${prefix}state`,
    result: `${prefix}result`,
    checkpoints,
    pins,
    checkpoint: (checkpointId) => `${checkpoints}${String(checkpointId).padStart(20, "0")}`,
    pin: (attempt) => `${pins}${String(attempt).padStart(20, "0")}`,
  };
}
