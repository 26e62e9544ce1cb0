import type { CheckpointId, KeyGroupRange } from "@millrace/core";

import type { EmittedRange } from "./group-writers.ts";

/** In so many snapshots the turn to be written anew goes once round all groups of the job. */
const turnLength = 128;
/** Coprime with it: neighbouring groups, which one subtask has, come far from each other. */
const turnStride = 37;
/** Where a base is this small, fewer objects to read at a restore are worth more than its bytes. */
const smallBaseBytes = 16 * 1024;
const smallBaseChain = 24;
/** Small groups differ by up to so much, so that they do not all come due in one checkpoint. */
const smallBaseSpread = 16;
/** A group that lost its turn, as by an aborted checkpoint, waits for the next, but no longer. */
const longestChain = 2 * turnLength;
/**
 * Groups that change by less of their base in a snapshot wait for their turn: the load of new keys may
 * outweigh a base without superseding a key in it.
 */
const minHeavyShare = 1 / 40;
/** A chain shorter than this is not heavy yet, however small its base is. */
const minHeavyChain = 4;

interface GroupCost {
  readonly baseBytes: number;
  readonly deltaBytes: number;
  readonly deltaCount: number;
  readonly lastDeltaBytes: number;
}

const noCost: GroupCost = { baseBytes: 0, deltaBytes: 0, deltaCount: 0, lastDeltaBytes: 0 };

/**
 * What restoring each key group would cost, and so which groups the next delta rewrites as a base:
 * those whose turn it is, those whose deltas outweigh their base, and small ones after 24 to 39
 * deltas. The turn is the same in all subtasks that restored the same checkpoint: they count their
 * snapshots from its id. So each checkpoint rewrites as little as the others, with 128 groups one of
 * them, 0.8 % of the state.
 */
export class ChainCosts {
  readonly #groups: KeyGroupRange;
  readonly #costs = new Map<number, GroupCost>();
  #turn: number | undefined;

  constructor(groups: KeyGroupRange) {
    this.#groups = groups;
  }

  /** Returns the groups to rewrite in the checkpoint; called once for each snapshot. */
  groupsDue(checkpointId: CheckpointId): ReadonlySet<number> {
    this.#turn =
      this.#turn === undefined
        ? Number(checkpointId % BigInt(turnLength))
        : (this.#turn + 1) % turnLength;
    const due = new Set<number>();
    for (const [group, cost] of this.#costs) {
      const isTurn = cost.deltaCount > 0 && phaseOf(group) === this.#turn;
      const isLong = cost.deltaCount >= chainLimitOf(group, cost.baseBytes);
      if (isTurn || isLong || isHeavy(group, cost)) due.add(group);
    }
    return due;
  }

  /** Takes in what a snapshot wrote, or what a restore read. */
  note(ranges: readonly EmittedRange[], bytesByGroup: ReadonlyMap<number, number>): void {
    for (const { role, groupStart, groupEnd } of ranges) {
      const end = Math.min(groupEnd, this.#groups.end);
      for (let group = Math.max(groupStart, this.#groups.start); group <= end; group += 1) {
        const sizeBytes = bytesByGroup.get(group) ?? 0;
        const before = this.#costs.get(group) ?? noCost;
        this.#costs.set(
          group,
          role === "base"
            ? { ...noCost, baseBytes: sizeBytes }
            : {
                baseBytes: before.baseBytes,
                deltaBytes: before.deltaBytes + sizeBytes,
                deltaCount: before.deltaCount + 1,
                lastDeltaBytes: sizeBytes,
              },
        );
      }
    }
  }
}

function phaseOf(group: number): number {
  return (group * turnStride) % turnLength;
}

function chainLimitOf(group: number, baseBytes: number): number {
  if (baseBytes > smallBaseBytes) return longestChain;
  return smallBaseChain + (phaseOf(group) % smallBaseSpread);
}

/** The factor is 1.5 to 2.5, so that groups that change alike do not all come due in one checkpoint. */
function isHeavy(group: number, cost: GroupCost): boolean {
  const { baseBytes, deltaBytes, deltaCount, lastDeltaBytes } = cost;
  const factor = 1.5 + phaseOf(group) / turnLength;
  const isChangingMuch = lastDeltaBytes > baseBytes * minHeavyShare;
  return isChangingMuch && deltaCount >= minHeavyChain && deltaBytes > baseBytes * factor;
}
