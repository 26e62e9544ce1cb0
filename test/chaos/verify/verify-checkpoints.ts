/**
 * Whether a job's retained checkpoints are whole, and whether its objects are exactly those that they
 * reference. It reads the stores themselves and asks no coordinator.
 */
import {
  jobPrefix,
  parseCommittedCheckpoint,
  type CommittedCheckpoint,
} from "@millrace/checkpoint";
import { parseJobId } from "@millrace/core";
import type { MetadataStore } from "@millrace/metadata";
import { createNodeDigest, createZstdCompressor } from "@millrace/platform";
import type { ObjectStore } from "@millrace/storage";
import { restoreCheckpoint, type RestoredCheckpoint } from "@millrace/testing";

const digest = createNodeDigest();
const compressor = createZstdCompressor();

export interface CheckpointStores {
  readonly metadata: MetadataStore;
  readonly objects: ObjectStore;
}

export interface CheckpointVerdict {
  readonly restored: readonly RestoredCheckpoint[];
  /** One sentence for each retained checkpoint that cannot be restored. */
  readonly problems: readonly string[];
  /** Objects of the job that no retained checkpoint references. */
  readonly orphans: readonly string[];
}

/**
 * Restores every checkpoint that the job retains. One that is dropped meanwhile counts as neither
 * whole nor broken. While a job runs, orphans are what garbage collection has not come to yet.
 */
export async function verifyCheckpoints(
  stores: CheckpointStores,
  jobId: string,
): Promise<CheckpointVerdict> {
  const restored: RestoredCheckpoint[] = [];
  const problems: string[] = [];
  for (const checkpoint of await readRetained(stores.metadata, jobId)) {
    try {
      const { objects } = stores;
      restored.push(await restoreCheckpoint({ objects, digest, compressor }, checkpoint));
    } catch (error) {
      const name = String(checkpoint.checkpointId);
      const stillThere = (await readRetained(stores.metadata, jobId)).some(
        ({ checkpointId }) => checkpointId === checkpoint.checkpointId,
      );
      if (stillThere) problems.push(`checkpoint ${name}: ${String(error)}`);
    }
  }
  const live = new Set(restored.flatMap(({ objects }) => objects));
  const found = await stores.objects.list(jobPrefix(parseJobId(jobId)));
  const orphans = found.map(({ name }) => name).filter((name) => !live.has(name));
  return { restored, problems, orphans };
}

/** Returns what the metadata holds below the job's `checkpoints/` and `pins/`, whatever the prefix. */
async function readRetained(
  metadata: MetadataStore,
  jobId: string,
): Promise<readonly CommittedCheckpoint[]> {
  const { entries } = await metadata.list("");
  const pattern = new RegExp(`jobs/${jobId}/(checkpoints|pins)/\\d+$`);
  const found = entries
    .filter(({ key }) => pattern.test(key))
    .map(({ value }) => parseCommittedCheckpoint(value));
  return [...new Map(found.map((checkpoint) => [checkpoint.manifestName, checkpoint])).values()];
}
