import { parseAttempt, parseCheckpointId, parseJobId, parseLeaderEpoch } from "@millrace/core";

import type { Manifest } from "./manifest.ts";

/** Returns a manifest with nothing in it, but for what the test is about. */
export function manifestOf(over: Partial<Manifest> = {}): Manifest {
  return {
    formatVersion: 1,
    clusterId: "c",
    jobId: parseJobId("job-1"),
    checkpointId: parseCheckpointId(9n),
    kind: "checkpoint",
    leaderEpoch: parseLeaderEpoch(1n),
    attempt: parseAttempt(1),
    metadataRevision: 1n,
    planSha256: "a".repeat(64),
    bundleSha256: "b".repeat(64),
    maxParallelism: 128,
    triggeredAtMs: 0,
    completedAtMs: 0,
    segments: [],
    chains: [],
    subtasks: [],
    splitPools: [],
    ...over,
  };
}
