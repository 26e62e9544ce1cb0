/**
 * Removes objects that nothing references any more, job by job.
 *
 * I1 The live set comes from the metadata store, never from memory (S4).
 * I2 A job of which one manifest cannot be read loses nothing in this round.
 * I3 It takes no lock: what it may remove can never be referenced again (S4b).
 */
import { decideGarbage, jobPrefix, liveObjects, type LiveSetFacts } from "@millrace/checkpoint";
import { StreamError, type JobId } from "@millrace/core";

import type { CoordinatorContext } from "../context.ts";
import { parseSnapshot, type JobSnapshot } from "../job/job-memory.ts";
import { readManifest } from "./recovery.ts";

export interface GarbageCollector {
  /** Collects once for the jobs; returns how many objects it removed. */
  collect(jobIds: readonly JobId[]): Promise<number>;
}

/** After so many rounds without garbage nobody writes objects of an ended job any more. */
const settledAfter = 5;

/** Returns the collector of one coordinator. */
export function createGarbageCollector(context: CoordinatorContext): GarbageCollector {
  // Only the planted bug reads it.
  const earlierViews = new Map<JobId, JobSnapshot>();
  const readView = async (jobId: JobId): Promise<JobSnapshot> => {
    const keys = context.keys.job(jobId);
    const { entries } = await context.metadata.list(keys.prefix);
    const view = parseSnapshot(keys, entries);
    const earlier = earlierViews.get(jobId);
    earlierViews.set(jobId, view);
    return context.failpoints.isActive("gc-from-cached-view") ? staleView(view, earlier) : view;
  };
  /** How often in a row an ended job had nothing to remove. */
  const quietRounds = new Map<JobId, number>();
  const collectJob = async (jobId: JobId): Promise<number> => {
    const view = await readView(jobId);
    const retained = await readRetained(context, view);
    const { attempt, head, result } = view;
    const facts: LiveSetFacts = {
      jobId,
      ...(attempt === undefined ? {} : { attempt: attempt.value.attempt }),
      ...(head === undefined ? {} : { head: head.value }),
      isEnded: result !== undefined,
      retained,
    };
    const objects = await context.objects.list(jobPrefix(jobId));
    const names = objects.map(({ name }) => name);
    const garbage = chooseGarbage(context, facts, names);
    const isQuiet = facts.isEnded && garbage.length === 0;
    quietRounds.set(jobId, isQuiet ? (quietRounds.get(jobId) ?? 0) + 1 : 0);
    if (garbage.length === 0) return 0;
    await context.objects.remove(garbage);
    context.observe({ kind: "objects-removed", names: garbage });
    context.logger.log("info", "objects removed", { jobId, objectCount: garbage.length });
    return garbage.length;
  };
  return {
    collect: async (jobIds) => {
      let removedCount = 0;
      const isSettled = (jobId: JobId): boolean => (quietRounds.get(jobId) ?? 0) >= settledAfter;
      for (const jobId of jobIds.filter((id) => !isSettled(id))) {
        try {
          removedCount += await collectJob(jobId);
        } catch (caught) {
          context.signal.throwIfAborted();
          const { code, message } = StreamError.from(caught);
          const fields = { jobId, code, cause: message };
          context.logger.log("warn", "garbage of a job is left for the next round", fields);
        }
      }
      return removedCount;
    },
  };
}

async function readRetained(
  context: CoordinatorContext,
  view: JobSnapshot,
): Promise<LiveSetFacts["retained"]> {
  const retained: LiveSetFacts["retained"][number][] = [];
  // The head is among the checkpoints: one transaction writes both.
  const pointers = new Map(
    [...view.checkpoints, ...view.pins].map((checkpoint) => [checkpoint.manifestName, checkpoint]),
  );
  for (const checkpoint of pointers.values()) {
    const manifest = await readManifest(context, checkpoint);
    retained.push({ manifestName: checkpoint.manifestName, manifest });
  }
  return retained;
}

/** Two planted bugs live here; without them this is `decideGarbage`. */
function chooseGarbage(
  context: CoordinatorContext,
  facts: LiveSetFacts,
  names: readonly string[],
): readonly string[] {
  if (!context.failpoints.isActive("gc-deletes-in-flight")) return decideGarbage(facts, names);
  const live = liveObjects(facts.retained);
  return names.filter((name) => !live.has(name));
}

/** The planted bug: references as of the last round, epochs as of now. */
function staleView(view: JobSnapshot, earlier: JobSnapshot | undefined): JobSnapshot {
  if (earlier === undefined) return view;
  return { ...view, checkpoints: earlier.checkpoints, pins: earlier.pins };
}
