import { minWatermark, StreamError, type Barrier } from "@millrace/core";

import type { ChannelAddress } from "./contract.ts";
import type { ControlElement } from "./control-frames.ts";
import { SendCredit } from "./credit.ts";
import { describeChannel } from "./hello.ts";
import type { ExchangeOptions } from "./options.ts";
import type { RecordBuffer } from "./record-codec.ts";

/** How a channel's elements reach its other end: over a connection or within the slot. */
export interface ChannelLink {
  readonly buffer: RecordBuffer;
  /** Sends what the buffer holds, as one element; returns its cost. */
  sendRecords(sequence: number): number;
  /** Returns the element's cost. */
  sendControl(element: ControlElement, sequence: number): number;
  sendEnd(sequence: number): void;
  /** Lets what was sent leave at once. */
  push(): void;
}

/** A channel tells its gate when it runs out of credit or has some again. */
export interface RoomListener {
  onRoom(hasRoom: boolean): void;
}

/**
 * The sending end of one channel: collects records into frames and keeps the order of elements.
 *
 * I1 Whatever was emitted before a barrier, a status or the end leaves before it.
 * I2 A watermark may leave later than it was emitted, behind later records, never before earlier
 *    ones: it leaves with the frame.
 * I3 Every element costs credit; nothing waits for credit here: the producer stops instead.
 */
export class SendingChannel {
  readonly address: ChannelAddress;
  readonly #link: ChannelLink;
  readonly #buffer: RecordBuffer;
  readonly #room: RoomListener;
  readonly #options: ExchangeOptions;
  readonly #credit = new SendCredit();
  #frameLimitBytes: number;
  #nextSequence = 0;
  #pendingWatermarkMs = minWatermark;
  #hasPendingWatermark = false;
  /** When a turn first found something waiting here; NaN while nothing is known to wait. */
  #waitingSinceMs = Number.NaN;

  constructor(
    address: ChannelAddress,
    parts: {
      readonly link: ChannelLink;
      readonly room: RoomListener;
      readonly options: ExchangeOptions;
    },
  ) {
    this.address = address;
    this.#link = parts.link;
    this.#buffer = parts.link.buffer;
    this.#room = parts.room;
    this.#options = parts.options;
    this.#frameLimitBytes = parts.options.minFrameBytes;
  }

  hasCredit(): boolean {
    return this.#credit.availableBytes() > 0;
  }

  emit(value: unknown, timestampMs: number, hash: number): void {
    this.#buffer.append(value, timestampMs, hash);
    if (this.#buffer.sizeBytes >= this.#frameLimitBytes) this.#sendFullFrame();
  }

  emitWatermark(watermarkMs: number): void {
    this.#pendingWatermarkMs = watermarkMs;
    this.#hasPendingWatermark = true;
  }

  emitBarrier(barrier: Barrier): void {
    this.#sendWaiting();
    this.#sendControl({ kind: "barrier", barrier });
    this.#link.push();
  }

  emitStatus(isIdle: boolean): void {
    this.#sendWaiting();
    this.#sendControl({ kind: "status", isIdle });
  }

  emitEndOfInput(): void {
    this.#sendWaiting();
    this.#sendControl({ kind: "end-of-input" });
    this.#link.push();
  }

  finish(): void {
    this.#sendWaiting();
    this.#link.sendEnd(this.#nextSequence);
    this.#link.push();
  }

  /** Sends what waits if the task is idle, or if it has waited long enough; `push` follows. */
  flush(nowMs: number, isIdle: boolean): void {
    if (this.#buffer.recordCount > 0 || this.#hasPendingWatermark) {
      if (Number.isNaN(this.#waitingSinceMs)) this.#waitingSinceMs = nowMs;
      if (isIdle || nowMs - this.#waitingSinceMs >= this.#options.flushAfterMs) {
        this.#shrinkFrame();
        this.#sendWaiting();
      }
    }
  }

  /** Lets what was sent leave, together with what other channels of the connection sent. */
  push(): void {
    this.#link.push();
  }

  /** Takes credit from the receiver. */
  grant(sizeBytes: number): void {
    const hadCredit = this.hasCredit();
    this.#credit.grant(sizeBytes);
    if (!hadCredit && this.hasCredit()) this.#room.onRoom(true);
  }

  #sendFullFrame(): void {
    this.#frameLimitBytes = Math.min(this.#frameLimitBytes * 2, this.#options.maxFrameBytes);
    this.#sendWaiting();
    this.#link.push();
    const overshootBytes = -this.#credit.availableBytes();
    if (overshootBytes > this.#options.maxOvershootBytes) throw this.#overshot(overshootBytes);
  }

  #shrinkFrame(): void {
    if (this.#buffer.sizeBytes * 2 > this.#frameLimitBytes) return;
    this.#frameLimitBytes = Math.max(this.#frameLimitBytes / 2, this.#options.minFrameBytes);
  }

  #sendWaiting(): void {
    if (this.#buffer.recordCount > 0) this.#spend(this.#link.sendRecords(this.#takeSequence()));
    this.#waitingSinceMs = Number.NaN;
    if (!this.#hasPendingWatermark) return;
    this.#hasPendingWatermark = false;
    this.#sendControl({ kind: "watermark", watermarkMs: this.#pendingWatermarkMs });
  }

  #sendControl(element: ControlElement): void {
    this.#spend(this.#link.sendControl(element, this.#takeSequence()));
  }

  #takeSequence(): number {
    const sequence = this.#nextSequence;
    this.#nextSequence = sequence + 1;
    return sequence;
  }

  #spend(costBytes: number): void {
    const hadCredit = this.hasCredit();
    this.#credit.spend(costBytes);
    if (hadCredit && !this.hasCredit()) this.#room.onRoom(false);
  }

  #overshot(overshootBytes: number): StreamError {
    const channel = describeChannel(this.address);
    const message =
      `one call emitted ${overshootBytes} bytes more than ${channel} had room for: ` +
      "emit less per record, or split the input";
    return new StreamError("output-limit", message, {
      domain: "user",
      retry: "never",
      location: { channel },
    });
  }
}
