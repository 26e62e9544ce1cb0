import { parseCommittedCheckpoint, type CommittedCheckpoint } from "@millrace/checkpoint";
import { StreamError, type JobId } from "@millrace/core";
import type { MetadataStore } from "@millrace/metadata";

import { createMetadataKeys } from "../metadata/keys.ts";

/**
 * Returns the pointers to a job's retained checkpoints, oldest first, without a coordinator. Throws
 * `not-found` for a job that the metadata do not know.
 */
export async function readPointers(
  store: MetadataStore,
  metadataPrefix: string,
  jobId: JobId,
): Promise<readonly CommittedCheckpoint[]> {
  const keys = createMetadataKeys(metadataPrefix).job(jobId);
  const { entries } = await store.list(keys.prefix);
  if (!entries.some(({ key }) => key === keys.record)) {
    const message = `there is no job ${jobId} in the metadata; \`millrace list\` shows the jobs`;
    throw new StreamError("not-found", message, { domain: "user", retry: "never" });
  }
  return entries
    .filter(({ key }) => key.startsWith(keys.checkpoints))
    .map(({ value }) => parseCommittedCheckpoint(value));
}
