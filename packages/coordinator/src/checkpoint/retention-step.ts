import { decideRetention } from "@millrace/checkpoint";

import type { CoordinatorContext } from "../context.ts";
import type { JobMemory } from "../job/job-memory.ts";

/**
 * Drops the pointers of checkpoints that are no longer retained; their objects go with the next
 * garbage collection. One try: what is left over goes after the next commit.
 */
export async function dropSurplusCheckpoints(
  context: CoordinatorContext,
  job: JobMemory,
): Promise<void> {
  const { snapshot, keys, plan } = job;
  const { attempt, head, checkpoints, pins } = snapshot;
  if (attempt === undefined || head === undefined) return;
  const { retainedCount } = plan.settings.checkpoint;
  const pinned = new Set(pins.map(({ checkpointId }) => checkpointId));
  const surplus = new Set(decideRetention({ checkpoints, retainedCount, pinned }));
  if (surplus.size === 0) return;
  if (context.failpoints.isActive("objects-removed-before-pointer")) {
    const gone = checkpoints.filter(({ checkpointId }) => surplus.has(checkpointId));
    await context.objects.remove(gone.map(({ manifestName }) => manifestName));
  }
  const isApplied = await context.metadata.transactOnce({
    compares: [
      { key: keys.attempt, target: "modRevision", equals: attempt.revision },
      { key: keys.head, target: "modRevision", equals: head.revision },
    ],
    writes: [...surplus].map((id) => ({ kind: "delete", key: keys.checkpoint(id) })),
  });
  if (!isApplied) return;
  const current = job.snapshot;
  const left = current.checkpoints.filter(({ checkpointId }) => !surplus.has(checkpointId));
  job.snapshot = { ...current, checkpoints: left };
}
