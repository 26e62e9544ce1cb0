import { assert, type Barrier, type CheckpointId, type Failpoints } from "@millrace/core";

/** What a barrier on one channel means for the subtask. */
export type AlignmentResult =
  /** It belongs to a checkpoint that is over: already taken, aborted or superseded. */
  | { readonly kind: "ignored" }
  /** The channel is held back until the other channels' barriers arrive. */
  | { readonly kind: "waiting" }
  /** A newer checkpoint's barrier: the alignment of `abandonedId` ends, this one's begins. */
  | { readonly kind: "superseded"; readonly abandonedId: CheckpointId }
  /** All channels' barriers have arrived; none is held back any more. */
  | { readonly kind: "aligned"; readonly barrier: Barrier; readonly alignmentMs: number };

export interface BarrierArrival {
  readonly channelIndex: number;
  readonly barrier: Barrier;
  /** Monotonic. */
  readonly nowMs: number;
}

interface Alignment {
  readonly barrier: Barrier;
  readonly startedMs: number;
  waitingCount: number;
}

/**
 * Decides which channels of a subtask are held back for a checkpoint, and when its cut is complete.
 * Pure; not concerned with elements or with snapshots.
 *
 * I1 Between a channel's barrier and `aligned`, `abort` or `superseded` the channel is held back, so
 *    that the cut holds exactly the records before the barrier of every channel (S8).
 * I2 A checkpoint is aligned at most once, and ids are aligned in rising order (S10).
 * I3 A channel whose input ended takes part: it still carries barriers.
 */
export class BarrierAligner {
  readonly #isHeld: Uint8Array;
  readonly #isAlignmentSkipped: boolean;
  #alignment: Alignment | undefined;
  /** Ids up to here are over. */
  #floorId = 0n;

  constructor(channelCount: number, failpoints: Failpoints) {
    assert(channelCount > 0, "a subtask that aligns barriers has inputs");
    this.#isHeld = new Uint8Array(channelCount);
    this.#isAlignmentSkipped = failpoints.isActive("no-alignment");
  }

  /** Whether nothing may be read from the channel for now. */
  isHeld(channelIndex: number): boolean {
    return this.#isHeld[channelIndex] === 1;
  }

  /** The checkpoint whose barriers are being collected, if any. */
  aligningId(): CheckpointId | undefined {
    return this.#alignment?.barrier.checkpointId;
  }

  onBarrier(arrival: BarrierArrival): AlignmentResult {
    const { channelIndex, barrier } = arrival;
    const id = barrier.checkpointId;
    const aligning = this.#alignment;
    if (id <= this.#floorId || (aligning !== undefined && id < aligning.barrier.checkpointId)) {
      return { kind: "ignored" };
    }
    assert(!this.isHeld(channelIndex), `barrier ${id} came through held channel ${channelIndex}`);
    const isNewer = aligning !== undefined && aligning.barrier.checkpointId !== id;
    if (aligning === undefined || isNewer) this.#start(arrival);
    if (this.#isAlignmentSkipped) return this.#complete(arrival.nowMs);
    const result = this.#hold(channelIndex, arrival.nowMs);
    if (!isNewer) return result;
    assert(result.kind === "waiting", "only several channels can supersede an alignment");
    return { kind: "superseded", abandonedId: aligning.barrier.checkpointId };
  }

  /** Gives the checkpoint up: its held channels go on, its later barriers are ignored. */
  abort(checkpointId: CheckpointId): void {
    if (checkpointId > this.#floorId) this.#floorId = checkpointId;
    const aligning = this.#alignment?.barrier.checkpointId;
    if (aligning !== undefined && aligning <= checkpointId) this.#release();
  }

  #start(arrival: BarrierArrival): void {
    this.#isHeld.fill(0);
    const waitingCount = this.#isHeld.length;
    this.#alignment = { barrier: arrival.barrier, startedMs: arrival.nowMs, waitingCount };
  }

  #hold(channelIndex: number, nowMs: number): AlignmentResult {
    const alignment = this.#alignment;
    assert(alignment !== undefined, "a channel is held back for an alignment");
    this.#isHeld[channelIndex] = 1;
    alignment.waitingCount -= 1;
    return alignment.waitingCount === 0 ? this.#complete(nowMs) : { kind: "waiting" };
  }

  #complete(nowMs: number): AlignmentResult {
    const alignment = this.#alignment;
    assert(alignment !== undefined, "what completes is an alignment");
    this.#floorId = alignment.barrier.checkpointId;
    this.#release();
    const alignmentMs = nowMs - alignment.startedMs;
    return { kind: "aligned", barrier: alignment.barrier, alignmentMs };
  }

  #release(): void {
    this.#alignment = undefined;
    this.#isHeld.fill(0);
  }
}
