import {
  createCheckpointVerifier,
  defaultCoordinatorConfig,
  readPointers,
  verifyRetained,
} from "@millrace/coordinator";
import type { CheckpointId, JobId } from "@millrace/core";
import { createNodeClock, createNodeDigest, createZstdCompressor } from "@millrace/platform";
import type { VerifiedCheckpoint } from "@millrace/rpc";

import { openMetadata, openObjects, type MetadataPlace } from "../node/open-stores.ts";

/**
 * Returns what reading a job's checkpoints back shows, without a coordinator. Throws `not-found`, and
 * what the stores throw.
 */
export async function verifyDirectly(
  request: { readonly jobId: JobId; readonly checkpointId?: CheckpointId },
  place: MetadataPlace,
  objectPlace: string,
): Promise<readonly VerifiedCheckpoint[]> {
  await using metadata = await openMetadata(place, createNodeClock());
  await using objects = await openObjects(objectPlace);
  const ports = { objects, digest: createNodeDigest(), compressor: createZstdCompressor() };
  const { metadataPrefix } = defaultCoordinatorConfig;
  return await verifyRetained(createCheckpointVerifier(ports), request, () =>
    readPointers(metadata, metadataPrefix, request.jobId),
  );
}
