import type { KeyGroupRange } from "@millrace/core";

import type { EmittedRange } from "./group-writers.ts";

/** A group is written anew when its chain of deltas is longer than this, more or less. */
const chainLimit = 24;
/** Groups differ by up to so much, so that they do not all come due in one checkpoint. */
const chainSpread = 16;

interface GroupCost {
  baseBytes: number;
  deltaBytes: number;
  deltaCount: number;
}

/**
 * What restoring each key group would cost, and so which groups the next delta rewrites as a base:
 * those whose deltas outweigh their base, and those whose chain is long. Rewriting costs at most as
 * much again as the deltas did.
 */
export class ChainCosts {
  readonly #groups: KeyGroupRange;
  readonly #costs = new Map<number, GroupCost>();

  constructor(groups: KeyGroupRange) {
    this.#groups = groups;
  }

  /** Returns the groups to rewrite now. */
  groupsDue(): ReadonlySet<number> {
    const due = new Set<number>();
    for (const [group, { baseBytes, deltaBytes, deltaCount }] of this.#costs) {
      const limit = chainLimit + ((group * 7) % chainSpread);
      const isHeavy = deltaCount >= 4 && deltaBytes > baseBytes;
      if (isHeavy || deltaCount >= limit) due.add(group);
    }
    return due;
  }

  /** Takes in what a snapshot wrote, or what a restore read. */
  note(ranges: readonly EmittedRange[], bytesByGroup: ReadonlyMap<number, number>): void {
    for (const { role, groupStart, groupEnd } of ranges) {
      const end = Math.min(groupEnd, this.#groups.end);
      for (let group = Math.max(groupStart, this.#groups.start); group <= end; group += 1) {
        const sizeBytes = bytesByGroup.get(group) ?? 0;
        const before = this.#costs.get(group) ?? { baseBytes: 0, deltaBytes: 0, deltaCount: 0 };
        this.#costs.set(
          group,
          role === "base"
            ? { baseBytes: sizeBytes, deltaBytes: 0, deltaCount: 0 }
            : {
                baseBytes: before.baseBytes,
                deltaBytes: before.deltaBytes + sizeBytes,
                deltaCount: before.deltaCount + 1,
              },
        );
      }
    }
  }
}
