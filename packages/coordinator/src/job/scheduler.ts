import {
  assignSlots,
  expandExecutionGraph,
  widestThatFits,
  type FreeSlot,
  type Placement,
  type PreviousSlots,
} from "@millrace/graph";

import type { JobMemory } from "./job-memory.ts";
import type { SlotShortage } from "./job-states.ts";

/** Most slots that a job takes if nobody says how many. */
const defaultParallelismLimit = 8;

export type Schedule =
  | {
      readonly kind: "placed";
      readonly placements: readonly Placement[];
      /** For vertices whose own is `default`. */
      readonly parallelism: number;
    }
  | { readonly kind: "short"; readonly shortage: SlotShortage };

/**
 * Returns where every subtask runs, or how many slots are missing. The parallelism is what the
 * submission says, else what the first attempt had, else the plan's, else as large as fits into the
 * free slots, at most 8.
 */
export function schedule(
  job: JobMemory,
  free: readonly FreeSlot[],
  previousSlots: PreviousSlots,
): Schedule {
  const parallelism = resolveParallelism(job, free.length);
  const graph = expandExecutionGraph(job.plan, { defaultParallelism: parallelism });
  const assignment = assignSlots(graph, free, previousSlots);
  if (assignment.kind === "placed") {
    return { kind: "placed", placements: assignment.placements, parallelism };
  }
  return { kind: "short", shortage: { needed: assignment.needed, free: assignment.free } };
}

/** Returns the parallelism of vertices that leave it open. */
export function resolveParallelism(job: JobMemory, freeSlotCount: number): number {
  const { settings } = job.plan;
  const planned = settings.parallelism === "default" ? undefined : settings.parallelism;
  const decided = job.record.parallelism ?? job.snapshot.attempt?.value.parallelism ?? planned;
  const limit = Math.min(defaultParallelismLimit, settings.maxParallelism);
  return decided ?? widestThatFits(job.plan, freeSlotCount, limit);
}
