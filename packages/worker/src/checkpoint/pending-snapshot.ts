import type { SubtaskCut } from "@millrace/checkpoint";
import { assert, type CheckpointId, type SubtaskId } from "@millrace/core";
import type { CheckpointTimings } from "@millrace/rpc";

import type { SlotEvent } from "../slot/slot-messages.ts";
import type { PackedBlock } from "./packed-block.ts";
import { SliceHistogram } from "./slice-times.ts";

export type SnapshotDone = Extract<SlotEvent, { kind: "snapshot-done" }>;

/** What a worker has of one checkpoint while its subtasks still encode: blocks and cuts. */
export class PendingSnapshot {
  readonly checkpointId: CheckpointId;
  /** Aborts the upload. */
  readonly abort: AbortController = new AbortController();
  readonly #blocks: Promise<PackedBlock>[] = [];
  readonly #cuts = new Map<SubtaskId, SubtaskCut>();
  /** Of all subtasks so far. */
  readonly slices: SliceHistogram = new SliceHistogram();
  readonly sliceCpu: SliceHistogram = new SliceHistogram();
  #alignmentMs = 0;
  #snapshotMs = 0;

  constructor(checkpointId: CheckpointId) {
    this.checkpointId = checkpointId;
  }

  addBlock(block: Promise<PackedBlock>): void {
    // A failure is seen when the blocks are awaited; until then it is not an unhandled one.
    block.catch(() => {});
    this.#blocks.push(block);
  }

  addCut(done: SnapshotDone): void {
    const { subtaskId, parallelism, watermarkMs, isDrained } = done;
    assert(!this.#cuts.has(subtaskId), `subtask ${subtaskId} cut twice at ${this.checkpointId}`);
    this.#cuts.set(subtaskId, { subtaskId, parallelism, watermarkMs, isDrained });
    this.slices.merge(done.slices);
    this.sliceCpu.merge(done.sliceCpu);
    this.#alignmentMs = Math.max(this.#alignmentMs, done.alignmentMs);
    this.#snapshotMs = Math.max(this.#snapshotMs, done.snapshotMs);
  }

  hasAll(subtasks: readonly SubtaskId[]): boolean {
    return subtasks.every((subtaskId) => this.#cuts.has(subtaskId));
  }

  /** In the order of the subtasks, whichever was done first. */
  cutsOf(subtasks: readonly SubtaskId[]): readonly SubtaskCut[] {
    return subtasks.flatMap((subtaskId) => this.#cuts.get(subtaskId) ?? []);
  }

  /** In the order in which they came. */
  blocks(): Promise<readonly PackedBlock[]> {
    return Promise.all(this.#blocks);
  }

  timings(uploadMs: number): CheckpointTimings {
    return { alignmentMs: this.#alignmentMs, snapshotMs: this.#snapshotMs, uploadMs };
  }
}
