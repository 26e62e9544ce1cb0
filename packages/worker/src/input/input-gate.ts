import type { Barrier, CheckpointId, Clock, Failpoints } from "@millrace/core";
import type { InputChannel, RecordBatch } from "@millrace/exchange";

import { BarrierAligner } from "./barrier-aligner.ts";
import { WatermarkValve } from "./watermark-valve.ts";

/** What a task does next with its input. */
export type InputAction =
  /**
   * Drain the batch. When `drain` returned true, call `releaseBatch` before `next`; when it paused,
   * `next` comes back to the same batch.
   */
  | { readonly kind: "records"; readonly channel: InputChannel; readonly batch: RecordBatch }
  /** Fire what is due up to here, wholly before the next call of `next`; then forward it. */
  | { readonly kind: "watermark"; readonly watermarkMs: number }
  /** Forward it. */
  | { readonly kind: "status"; readonly isIdle: boolean }
  /** The cut of a checkpoint: snapshot and forward it before the next call of `next`. */
  | { readonly kind: "barrier"; readonly barrier: Barrier; readonly alignmentMs: number }
  /** Said once: no record or watermark follows on any channel; barriers still do. */
  | { readonly kind: "end-of-input" }
  /** Nothing to read for now: wait to be woken. */
  | { readonly kind: "nothing" };

export interface InputGateOptions {
  /** In a fixed order; of all edges into the subtask. At least one. */
  readonly channels: readonly InputChannel[];
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  /** What the subtask had fired when its snapshot was taken; -Infinity at first. */
  readonly restoredWatermarkMs: number;
}

const nothing: InputAction = { kind: "nothing" };
const endOfInput: InputAction = { kind: "end-of-input" };

/**
 * Merges the channels of one subtask into the one sequence of things for its task to do. It never
 * blocks, and it runs no user code: it hands out one action at a time.
 *
 * I1 Channels take turns, one element each; a held channel (aligning) is not read.
 * I2 Everything that a channel sent before its barrier is handed out before the barrier is, and
 *    nothing that it sent after (S8).
 * I3 Watermarks never regress (S12); a restored watermark is handed out first.
 */
export class InputGate {
  readonly #channels: readonly InputChannel[];
  readonly #clock: Clock;
  readonly #aligner: BarrierAligner;
  readonly #valve: WatermarkValve;
  readonly #isEnded: boolean[];
  #endedCount = 0;
  #isEndReported = false;
  #nextIndex = 0;
  /** The channel whose batch is out, or -1. */
  #drainingIndex = -1;

  constructor(options: InputGateOptions) {
    const { channels, clock, failpoints, restoredWatermarkMs } = options;
    this.#channels = channels;
    this.#clock = clock;
    this.#aligner = new BarrierAligner(channels.length, failpoints);
    this.#valve = new WatermarkValve({
      channelCount: channels.length,
      restoredMs: restoredWatermarkMs,
      failpoints,
    });
    this.#isEnded = channels.map(() => false);
  }

  /** Returns the next thing to do; `nothing` when every channel is empty or held back. */
  next(): InputAction {
    const draining = this.#readChannel(this.#drainingIndex);
    if (draining !== undefined) return draining;
    const change = this.#valve.take();
    if (change.kind !== "nothing") return change;
    if (this.#endedCount === this.#channels.length && !this.#isEndReported) {
      this.#isEndReported = true;
      return endOfInput;
    }
    return this.#poll();
  }

  /** Says that the batch of the last `records` action is used up; gives its credit back. */
  releaseBatch(): void {
    this.#channels[this.#drainingIndex]?.advance();
    this.#drainingIndex = -1;
  }

  /** Gives up the alignment for an aborted checkpoint; its later barriers are ignored. */
  abortCheckpoint(checkpointId: CheckpointId): void {
    this.#aligner.abort(checkpointId);
  }

  /** The checkpoint whose barriers are being collected, if any. */
  aligningId(): CheckpointId | undefined {
    return this.#aligner.aligningId();
  }

  /** Bytes received and not used up, over all channels. */
  bufferedBytes(): number {
    let sizeBytes = 0;
    for (const channel of this.#channels) sizeBytes += channel.bufferedBytes();
    return sizeBytes;
  }

  /** Goes round the channels until one gives an action, or none has anything to read. */
  #poll(): InputAction {
    const count = this.#channels.length;
    for (let emptyCount = 0; emptyCount < count;) {
      const index = this.#nextIndex;
      const isReadable =
        !this.#aligner.isHeld(index) && this.#channels[index]?.head() !== undefined;
      this.#nextIndex = index + 1 === count ? 0 : index + 1;
      emptyCount = isReadable ? 0 : emptyCount + 1;
      const action = isReadable ? this.#readChannel(index) : undefined;
      if (action !== undefined) return action;
    }
    return nothing;
  }

  /** Takes the channel's head; undefined when it leads to nothing for the task. */
  #readChannel(index: number): InputAction | undefined {
    const channel = this.#channels[index];
    const element = channel?.head();
    if (channel === undefined || element === undefined) return undefined;
    if (element.kind === "records") {
      this.#drainingIndex = index;
      return { kind: "records", channel, batch: element.batch };
    }
    channel.advance();
    switch (element.kind) {
      case "watermark":
        this.#valve.onWatermark(index, element.watermarkMs);
        break;
      case "status":
        this.#valve.onStatus(index, element.isIdle);
        break;
      case "end-of-input":
        this.#valve.onEndOfInput(index);
        this.#isEnded[index] = true;
        this.#endedCount += 1;
        break;
      case "barrier":
        return this.#takeBarrier(index, element.barrier);
    }
    return this.#afterControl();
  }

  #takeBarrier(channelIndex: number, barrier: Barrier): InputAction | undefined {
    const nowMs = this.#clock.monotonicMs();
    const result = this.#aligner.onBarrier({ channelIndex, barrier, nowMs });
    if (result.kind !== "aligned") return undefined;
    return { kind: "barrier", barrier: result.barrier, alignmentMs: result.alignmentMs };
  }

  #afterControl(): InputAction | undefined {
    const change = this.#valve.take();
    if (change.kind !== "nothing") return change;
    if (this.#endedCount < this.#channels.length || this.#isEndReported) return undefined;
    this.#isEndReported = true;
    return endOfInput;
  }
}
