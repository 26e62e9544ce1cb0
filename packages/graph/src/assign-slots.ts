import type { WorkerId } from "@millrace/core";

import type { ExecutionGraph, Placement } from "./execution-graph.ts";

/** A slot that waits for work. */
export interface FreeSlot {
  readonly workerId: WorkerId;
  readonly slotIndex: number;
  readonly dataAddress: string;
}

/** Where slot number k of an earlier attempt was; kept where it is free again, for its local caches. */
export type PreviousSlots = readonly Pick<FreeSlot, "workerId" | "slotIndex">[];

export type SlotAssignment =
  | { readonly kind: "placed"; readonly placements: readonly Placement[] }
  | { readonly kind: "not-enough-slots"; readonly needed: number; readonly free: number };

/**
 * Returns the placement of every subtask, in the order of the execution graph: what has slot number k
 * goes to the k-th slot. Previous slots first, then any slot of the same worker, then the
 * worker with the fewest slots in use by this job. The same input gives the same answer.
 */
export function assignSlots(
  graph: ExecutionGraph,
  free: readonly FreeSlot[],
  previous: PreviousSlots = [],
): SlotAssignment {
  const needed = graph.slotsNeeded;
  if (free.length < needed) return { kind: "not-enough-slots", needed, free: free.length };
  const slots = chooseSlots(needed, free, previous);
  const placements = graph.subtasks.flatMap((subtask) => {
    const slot = slots[subtask.slotNumber];
    return slot === undefined ? [] : [{ ...subtask, ...slot }];
  });
  return { kind: "placed", placements };
}

function chooseSlots(
  needed: number,
  free: readonly FreeSlot[],
  previous: PreviousSlots,
): readonly (FreeSlot | undefined)[] {
  const left = free.toSorted(compareSlots);
  const chosen: (FreeSlot | undefined)[] = Array.from({ length: needed }, () => undefined);
  const used = new Map<WorkerId, number>();
  const take = (index: number, isWanted: (slot: FreeSlot) => boolean): void => {
    const position = chosen[index] === undefined ? left.findIndex(isWanted) : -1;
    const [slot] = position < 0 ? [] : left.splice(position, 1);
    if (slot === undefined) return;
    chosen[index] = slot;
    used.set(slot.workerId, (used.get(slot.workerId) ?? 0) + 1);
  };
  for (const [index, { workerId, slotIndex }] of previous.slice(0, needed).entries()) {
    take(index, (slot) => slot.workerId === workerId && slot.slotIndex === slotIndex);
  }
  for (const [index, { workerId }] of previous.slice(0, needed).entries()) {
    take(index, (slot) => slot.workerId === workerId);
  }
  for (let index = 0; index < needed; index += 1) {
    const fewest = Math.min(...left.map((slot) => used.get(slot.workerId) ?? 0));
    take(index, (slot) => (used.get(slot.workerId) ?? 0) === fewest);
  }
  return chosen;
}

function compareSlots(left: FreeSlot, right: FreeSlot): number {
  if (left.workerId !== right.workerId) return left.workerId < right.workerId ? -1 : 1;
  return left.slotIndex - right.slotIndex;
}
