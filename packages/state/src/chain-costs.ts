import type { CheckpointId, KeyGroupRange } from "@millrace/core";

import type { EmittedRange } from "./group-writers.ts";

/** In so many snapshots the turn to be written anew goes once round all groups of the job. */
const turnLength = 128;
/** Coprime with it: neighbouring groups, which one subtask has, come far from each other. */
const turnStride = 37;
/** A group that lost its turn, as by an aborted checkpoint, waits for the next, but no longer. */
const longestChain = 2 * turnLength;
/** What one more block costs a restore, its bytes apart: its part of an object to find and to open. */
const blockOverheadBytes = 1024;
/** A snapshot may rewrite so much, its turn included, for each byte that changed in the one before. */
const rewriteShare = 0.5;
/**
 * And this much however little changes: where the state is small, restores are worth more. Not saved
 * up: a group that is larger is no small state.
 */
const rewriteFloorBytes = 32 * 1024;
/** How much of the average size of an entry the snapshots before the last one still decide. */
const entrySizeMemory = 0.9;

interface GroupCost {
  readonly baseBytes: number;
  readonly deltaBytes: number;
  readonly deltaCount: number;
}

const noCost: GroupCost = { baseBytes: 0, deltaBytes: 0, deltaCount: 0 };

/** What a snapshot wrote, or what a restore read. */
export interface WrittenBlocks {
  readonly ranges: readonly EmittedRange[];
  readonly bytesByGroup: ReadonlyMap<number, number>;
  readonly entryCount: number;
}

interface Candidate {
  readonly group: number;
  readonly liveBytes: number;
  readonly score: number;
}

/**
 * What restoring each key group would cost, and so which groups the next delta rewrites as a base.
 *
 * The turn goes round the groups, one in each checkpoint, the same in all subtasks that restored the
 * same checkpoint: they count their snapshots from its id. Beside it a group may be rewritten if that
 * saves a restore at least as much as it writes: bytes that were superseded, removed or dropped with
 * their pane, and blocks to open. The most wasteful come first, within a budget that follows what
 * changes: so a checkpoint uploads little more than its changes, also behind a load of new keys, and
 * a chain holds a few times its live bytes at most. Close to the size-tiered compaction of log
 * structured merge trees, with the budget that keeps their write amplification flat.
 */
export class ChainCosts {
  readonly #groups: KeyGroupRange;
  readonly #costs = new Map<number, GroupCost>();
  #turn: number | undefined;
  /** Saved up for a group that outweighs what one snapshot may rewrite; below 0 where a turn did. */
  #budgetBytes = 0;
  #lastDeltaBytes = 0;
  #entryBytes = 0;
  #entryCount = 0;

  constructor(groups: KeyGroupRange) {
    this.#groups = groups;
  }

  /** Returns the groups to rewrite in the checkpoint; called once for each snapshot. */
  groupsDue(
    checkpointId: CheckpointId,
    liveCellsOf: (group: number) => number,
  ): ReadonlySet<number> {
    this.#turn =
      this.#turn === undefined
        ? Number(checkpointId % BigInt(turnLength))
        : (this.#turn + 1) % turnLength;
    const due = new Set<number>();
    let dueBytes = 0;
    const candidates: Candidate[] = [];
    for (const [group, cost] of this.#costs) {
      if (cost.deltaCount === 0) continue;
      const liveBytes = liveCellsOf(group) * this.#bytesPerEntry();
      if (phaseOf(group) === this.#turn || cost.deltaCount >= longestChain) {
        due.add(group);
        dueBytes += liveBytes;
      } else {
        const score = wasteOf(cost, liveBytes) / (liveBytes + blockOverheadBytes);
        if (score >= 1) candidates.push({ group, liveBytes, score });
      }
    }
    for (const group of this.#affordable(candidates, dueBytes)) due.add(group);
    return due;
  }

  note({ ranges, bytesByGroup, entryCount }: WrittenBlocks): void {
    // A large section left in several blocks: its bytes count once.
    const roles = new Map<number, EmittedRange["role"]>();
    for (const { role, groupStart, groupEnd } of ranges) {
      const end = Math.min(groupEnd, this.#groups.end);
      for (let group = Math.max(groupStart, this.#groups.start); group <= end; group += 1) {
        roles.set(group, role);
      }
    }
    this.#lastDeltaBytes = 0;
    let sumBytes = 0;
    for (const [group, role] of roles) {
      const sizeBytes = bytesByGroup.get(group) ?? 0;
      sumBytes += sizeBytes;
      if (role === "base") this.#costs.set(group, { ...noCost, baseBytes: sizeBytes });
      else this.#addDelta(group, sizeBytes);
    }
    if (entryCount === 0) return;
    this.#entryBytes = this.#entryBytes * entrySizeMemory + sumBytes;
    this.#entryCount = this.#entryCount * entrySizeMemory + entryCount;
  }

  #addDelta(group: number, sizeBytes: number): void {
    const { baseBytes, deltaBytes, deltaCount } = this.#costs.get(group) ?? noCost;
    this.#costs.set(group, {
      baseBytes,
      deltaBytes: deltaBytes + sizeBytes,
      deltaCount: deltaCount + 1,
    });
    this.#lastDeltaBytes += sizeBytes;
  }

  #bytesPerEntry(): number {
    return this.#entryCount === 0 ? 0 : this.#entryBytes / this.#entryCount;
  }

  /** The most wasteful first, as far as the budget goes behind the turn; a large group is saved up for. */
  #affordable(candidates: readonly Candidate[], dueBytes: number): readonly number[] {
    const allowance = this.#lastDeltaBytes * rewriteShare;
    // What the turn took too much is paid back, but no more than of one turn.
    this.#budgetBytes = Math.max(this.#budgetBytes + allowance - dueBytes, -dueBytes);
    if (candidates.length === 0) this.#budgetBytes = Math.min(0, this.#budgetBytes);
    let floorBytes = rewriteFloorBytes - dueBytes;
    const chosen: number[] = [];
    for (const { group, liveBytes } of candidates.toSorted((a, b) => b.score - a.score)) {
      if (liveBytes <= this.#budgetBytes) this.#budgetBytes -= liveBytes;
      else if (liveBytes > floorBytes) break;
      floorBytes -= liveBytes;
      chosen.push(group);
    }
    return chosen;
  }
}

function phaseOf(group: number): number {
  return (group * turnStride) % turnLength;
}

/** What a restore reads of the chain in vain. */
function wasteOf({ baseBytes, deltaBytes, deltaCount }: GroupCost, liveBytes: number): number {
  const deadBytes = Math.max(0, baseBytes + deltaBytes - liveBytes);
  return deadBytes + deltaCount * blockOverheadBytes;
}
