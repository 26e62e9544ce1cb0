import type { CommittedCheckpoint } from "@millrace/checkpoint";
import { StreamError, type CheckpointId, type JobId } from "@millrace/core";
import type { VerifiedCheckpoint } from "@millrace/rpc";

import type { CheckpointVerifier } from "./verify-checkpoint.ts";

export interface VerifyRequest {
  readonly jobId: JobId;
  /** Absent: all that are retained. */
  readonly checkpointId?: CheckpointId;
}

/**
 * Returns what reading the retained checkpoints back shows, the latest first. One that is retired
 * meanwhile is left out: its objects may go. Throws `not-found` for a checkpoint that is not retained.
 * @param readPointers what is retained now; asked again for a checkpoint that seems broken
 */
export async function verifyRetained(
  verifier: CheckpointVerifier,
  { jobId, checkpointId }: VerifyRequest,
  readPointers: () => Promise<readonly CommittedCheckpoint[]>,
): Promise<readonly VerifiedCheckpoint[]> {
  const retained = (await readPointers()).toSorted((a, b) =>
    a.checkpointId > b.checkpointId ? -1 : 1,
  );
  const chosen = retained.filter(
    (pointer) => checkpointId === undefined || pointer.checkpointId === checkpointId,
  );
  if (checkpointId !== undefined && chosen.length === 0) throw notRetained(jobId, checkpointId);
  const verified: VerifiedCheckpoint[] = [];
  for (const pointer of chosen) {
    const result = await verifier.verify(pointer);
    const isWhole = result.problems.length === 0;
    if (isWhole || (await isStillThere(pointer, readPointers))) verified.push(result);
  }
  return verified;
}

async function isStillThere(
  pointer: CommittedCheckpoint,
  readPointers: () => Promise<readonly CommittedCheckpoint[]>,
): Promise<boolean> {
  const now = await readPointers();
  return now.some(({ checkpointId }) => checkpointId === pointer.checkpointId);
}

function notRetained(jobId: JobId, checkpointId: CheckpointId): StreamError {
  return new StreamError(
    "not-found",
    `job ${jobId} has no checkpoint ${checkpointId}; \`millrace checkpoints ${jobId}\` shows those it has`,
    { domain: "user", retry: "never" },
  );
}
