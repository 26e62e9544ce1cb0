import type { Barrier } from "@millrace/core";

import type { OutputGate, OutputPartitioning } from "./contract.ts";
import { createPartitioner, type Partitioner } from "./partitioner.ts";
import type { RoomListener, SendingChannel } from "./sending-channel.ts";

/**
 * The sending side of one edge of one subtask: chooses the channel of each record.
 *
 * I1 Barriers, statuses and the end go to every channel at once, whatever its credit.
 * I2 `hasRoom` is false while any channel is without credit; so is every channel before its
 *    receiver has opened.
 */
export class PartitionedOutput implements OutputGate, RoomListener {
  protected channels: readonly SendingChannel[] = [];
  readonly #partitioner: Partitioner;
  readonly #onWake: () => void;
  readonly #onFull: () => void;
  #exhaustedCount: number;
  #isFinished = false;

  constructor(options: {
    readonly partitioning: OutputPartitioning;
    readonly channelCount: number;
    readonly fromIndex: number;
    readonly onWake: () => void;
    readonly onFull: () => void;
  }) {
    const targets = { count: options.channelCount, fromIndex: options.fromIndex };
    const { partitioning } = options;
    const isAll = partitioning.kind === "broadcast";
    this.#partitioner = createPartitioner(isAll ? { kind: "forward" } : partitioning, targets);
    this.#onWake = options.onWake;
    this.#onFull = options.onFull;
    this.#exhaustedCount = options.channelCount;
  }

  /** Takes its channels, by target; once, before anything is emitted. */
  setChannels(channels: readonly SendingChannel[]): void {
    this.channels = channels;
  }

  emit(value: unknown, timestampMs: number): void {
    const index = this.#partitioner.select(value);
    this.channels[index]?.emit(value, timestampMs, this.#partitioner.hash);
  }

  emitHashed(value: unknown, timestampMs: number, hash: number): void {
    this.channels[this.#partitioner.targetOf(hash)]?.emit(value, timestampMs, hash);
  }

  emitWatermark(watermarkMs: number): void {
    for (const channel of this.channels) channel.emitWatermark(watermarkMs);
  }

  emitStatus(isIdle: boolean): void {
    for (const channel of this.channels) channel.emitStatus(isIdle);
  }

  emitBarrier(barrier: Barrier): void {
    for (const channel of this.channels) channel.emitBarrier(barrier);
  }

  emitEndOfInput(): void {
    for (const channel of this.channels) channel.emitEndOfInput();
  }

  hasRoom(): boolean {
    return this.#exhaustedCount === 0;
  }

  flush(nowMs: number, isIdle: boolean): void {
    for (const channel of this.channels) channel.flush(nowMs, isIdle);
    for (const channel of this.channels) channel.push();
  }

  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    for (const channel of this.channels) channel.finish();
  }

  /** A channel ran out of credit, or has some again. */
  onRoom(hasRoom: boolean): void {
    this.#exhaustedCount += hasRoom ? -1 : 1;
    if (this.#exhaustedCount === 0) this.#onWake();
    else if (!hasRoom) this.#onFull();
  }
}

/** The sending side of an edge whose records all go to every channel. */
export class BroadcastOutput extends PartitionedOutput {
  override emit(value: unknown, timestampMs: number): void {
    for (const channel of this.channels) channel.emit(value, timestampMs, 0);
  }
}
