import { parseSubtaskId, type SubtaskId, type WorkerId } from "@millrace/core";
import type { Deployment, SlotOffer } from "@millrace/rpc";

/** What one of the worker's slots does in an attempt. */
export interface OwnSlot {
  readonly offer: SlotOffer;
  /** Upstream vertices first. */
  readonly subtasks: readonly SubtaskId[];
}

/** Returns the worker's part of a deployment, by slot. */
export function ownSlotsOf(deployment: Deployment, workerId: WorkerId): readonly OwnSlot[] {
  const bySlot = new Map<number, { offer: SlotOffer; subtasks: SubtaskId[] }>();
  for (const placement of deployment.placements) {
    if (placement.workerId !== workerId) continue;
    const { subtaskId, slotIndex, dataAddress } = placement;
    const known = bySlot.get(slotIndex);
    if (known === undefined) {
      bySlot.set(slotIndex, { offer: { slotIndex, dataAddress }, subtasks: [subtaskId] });
    } else {
      known.subtasks.push(subtaskId);
    }
  }
  return [...bySlot.values()];
}

/** Returns the number of subtasks of each vertex of a deployment. */
export function parallelismByVertex(deployment: Deployment): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { subtaskId } of deployment.placements) {
    const { vertexId } = parseSubtaskId(subtaskId);
    counts.set(vertexId, (counts.get(vertexId) ?? 0) + 1);
  }
  return counts;
}
