import {
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  StreamError,
  type Attempt,
  type CheckpointId,
  type JobId,
  type WorkerId,
} from "@millrace/core";

/** Which checkpoint of which attempt an object belongs to. */
export interface ObjectOwner {
  readonly jobId: JobId;
  readonly attempt: Attempt;
  readonly checkpointId: CheckpointId;
}

/** Returns the name of a bundle: its content's hash. */
export function bundleName(sha256: string): string {
  return `bundles/${sha256}.mjs`;
}

/** Returns the prefix of everything that a job stores. */
export function jobPrefix(jobId: JobId): string {
  return `jobs/${jobId}/`;
}

/** Returns the name of a worker's segment; the nonce makes it new for every try (F11, S4b). */
export function segmentName(
  owner: ObjectOwner,
  writer: { readonly workerId: WorkerId; readonly nonce: string },
): string {
  return `${ownerPrefix(owner)}${writer.workerId}-${writer.nonce}.segment`;
}

/** Returns the name of a manifest; the nonce makes it new for every try (F11, S4b). */
export function manifestName(owner: ObjectOwner, nonce: string): string {
  return `${ownerPrefix(owner)}manifest-${nonce}.json`;
}

const objectPattern = /^jobs\/([^/]+)\/(\d+)\/(\d+)\/[^/]+$/;

/** Returns whose a segment or manifest is; throws `invalid-argument` if the name is neither. */
export function parseObjectOwner(name: string): ObjectOwner {
  const match = objectPattern.exec(name);
  if (match === null) {
    throw new StreamError(
      "invalid-argument",
      `object ${JSON.stringify(name)} is not named jobs/<job>/<attempt>/<checkpoint>/<object>`,
      { domain: "internal", retry: "never" },
    );
  }
  const [, jobId = "", attempt = "", checkpointId = ""] = match;
  return {
    jobId: parseJobId(jobId),
    attempt: parseAttempt(Number(attempt)),
    checkpointId: parseCheckpointId(BigInt(checkpointId)),
  };
}

function ownerPrefix(owner: ObjectOwner): string {
  return `${jobPrefix(owner.jobId)}${owner.attempt}/${owner.checkpointId}/`;
}
