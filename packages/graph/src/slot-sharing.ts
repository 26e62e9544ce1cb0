import { assert } from "@millrace/core";

import type { JobGraph } from "./job-graph.ts";
import type { StreamGraph } from "./stream-graph.ts";

/** The group of what nobody has put into another one. */
export const defaultSlotSharingGroup = "default";

/**
 * Returns the slot sharing group of each node, by id (Flink's rule): the author's own; else that of
 * all inputs, where they agree; else the default one. Sources have no inputs.
 */
export function slotSharingGroupsOf({ nodes }: StreamGraph): readonly string[] {
  const groups: string[] = [];
  for (const { inputs, slotSharingGroup } of nodes) {
    const [first, ...others] = new Set(inputs.map((id) => groups[id]));
    const inherited = others.length === 0 ? first : undefined;
    groups.push(slotSharingGroup ?? inherited ?? defaultSlotSharingGroup);
  }
  return groups;
}

/** The slots of one group: `first` is the number of its slot 0 among those of the job. */
interface GroupSlots {
  readonly first: number;
  readonly count: number;
}

/** The slots of a job, numbered group by group, in the order in which the plan meets the groups. */
export class SlotNumbers {
  /** Of all groups together. */
  readonly count: number;
  readonly #groups: ReadonlyMap<string, GroupSlots>;

  /** As many slots for each group as its widest vertex has subtasks. */
  constructor({ vertices }: Pick<JobGraph, "vertices">, defaultParallelism: number) {
    const widths = new Map<string, number>();
    for (const { slotSharingGroup = defaultSlotSharingGroup, parallelism } of vertices) {
      const width = parallelism === "default" ? defaultParallelism : parallelism;
      widths.set(slotSharingGroup, Math.max(widths.get(slotSharingGroup) ?? 0, width));
    }
    const groups = new Map<string, GroupSlots>();
    let first = 0;
    for (const [group, count] of widths) {
      groups.set(group, { first, count });
      first += count;
    }
    this.#groups = groups;
    this.count = first;
  }

  /** Returns the number of the slot for a subtask of the group. */
  of(group: string | undefined, subtaskIndex: number): number {
    const slots = this.#groups.get(group ?? defaultSlotSharingGroup);
    assert(slots !== undefined && subtaskIndex < slots.count, `group ${group} has such a slot`);
    return slots.first + subtaskIndex;
  }
}

/**
 * Returns the largest parallelism from 1 to `limit` for vertices that leave it open with which the
 * job fits into so many slots; 1 if it fits with none.
 */
export function widestThatFits(plan: JobGraph, slotCount: number, limit: number): number {
  for (let parallelism = limit; parallelism > 1; parallelism -= 1) {
    if (new SlotNumbers(plan, parallelism).count <= slotCount) return parallelism;
  }
  return 1;
}
