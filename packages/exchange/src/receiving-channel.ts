import type { BatchCode } from "@millrace/core";

import type { ChannelAddress, InputChannel, RecordBatch, StreamElement } from "./contract.ts";
import type { ControlElement } from "./control-frames.ts";
import { maxWindowFactor, ReceiveWindow } from "./credit.ts";
import type { FrameMemory } from "./frame-memory.ts";
import { brokenFrame } from "./frame.ts";
import { describeChannel } from "./hello.ts";
import type { ExchangeOptions } from "./options.ts";
import { EncodedBatch, RecordReader } from "./record-codec.ts";
import type { WindowBudget } from "./window-budget.ts";

/** What a receiving channel says to its other end. */
export interface SenderLink {
  grant(sizeBytes: number): void;
}

interface Entry {
  readonly element: StreamElement;
  readonly costBytes: number;
  /** What the element's batch is decoded from. */
  readonly payload: Uint8Array | undefined;
}

/** The queue is cut down when so many entries in front are used up. */
const compactAfterCount = 256;

/**
 * The receiving end of one channel, remote or within the slot.
 *
 * I1 Sequence numbers rise by one from 0: no gap, no repeat (S8).
 * I2 Credit goes back when an element is used up, never before.
 * I3 What waits is bounded by the window and the overshoot that both ends agree on (S15).
 */
export class ReceivingChannel implements InputChannel {
  readonly address: ChannelAddress;
  readonly #window: ReceiveWindow;
  readonly #limitBytes: number;
  readonly #reader: RecordReader;
  readonly #onWake: () => void;
  readonly #memory: FrameMemory;
  #entries: Entry[] = [];
  #headIndex = 0;
  #bufferedBytes = 0;
  #nextSequence = 0;
  #link: SenderLink | undefined;
  #isFinished = false;

  constructor(
    address: ChannelAddress,
    options: ExchangeOptions,
    parts: {
      readonly onWake: () => void;
      readonly code: BatchCode;
      /** What payloads go back to when they are used up. */
      readonly memory: FrameMemory;
      /** What the windows of all channels into the slot share. */
      readonly budget: WindowBudget;
    },
  ) {
    this.address = address;
    this.#reader = new RecordReader(parts.code);
    this.#window = new ReceiveWindow(options.windowBytes, parts.budget);
    this.#limitBytes =
      options.windowBytes * maxWindowFactor +
      options.maxOvershootBytes +
      options.maxRecordBytes +
      1024 * 1024;
    this.#onWake = parts.onWake;
    this.#memory = parts.memory;
  }

  head(): StreamElement | undefined {
    return this.#entries[this.#headIndex]?.element;
  }

  advance(): void {
    const entry = this.#entries[this.#headIndex];
    if (entry === undefined) return;
    // No record shares memory with it.
    if (entry.payload !== undefined) this.#memory.release(entry.payload);
    this.#headIndex += 1;
    if (this.#headIndex === this.#entries.length) {
      this.#entries.length = 0;
      this.#headIndex = 0;
    } else if (this.#headIndex >= compactAfterCount) {
      this.#entries = this.#entries.slice(this.#headIndex);
      this.#headIndex = 0;
    }
    this.#bufferedBytes -= entry.costBytes;
    const grantedBytes = this.#window.use(entry.costBytes, this.#bufferedBytes);
    if (grantedBytes > 0 && !this.#isFinished) this.#link?.grant(grantedBytes);
  }

  bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Whether END was received: nothing follows. */
  isFinished(): boolean {
    return this.#isFinished;
  }

  isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** Joins the channel to its sender; returns the first credit. */
  connect(link: SenderLink): number {
    if (this.#link !== undefined) throw brokenFrame(`${this.#name()} is connected twice`);
    this.#link = link;
    return this.#window.open();
  }

  /** Takes a records frame's payload, to be decoded when it is drained. */
  acceptPayload(payload: Uint8Array, cost: ElementCost): void {
    const batch = new EncodedBatch(payload, this.#reader, cost.sequence);
    this.#accept({ kind: "records", batch }, cost, payload);
  }

  acceptBatch(batch: RecordBatch, cost: ElementCost): void {
    this.#accept({ kind: "records", batch }, cost);
  }

  acceptControl(element: ControlElement, cost: ElementCost): void {
    this.#accept(element, cost);
  }

  /** Takes END. */
  finish(sequence: number): void {
    this.#checkSequence(sequence);
    this.#isFinished = true;
  }

  #accept(
    element: StreamElement,
    { costBytes, sequence }: ElementCost,
    payload?: Uint8Array,
  ): void {
    this.#checkSequence(sequence);
    this.#bufferedBytes += costBytes;
    this.#window.arrive(costBytes);
    if (this.#bufferedBytes > this.#limitBytes) {
      throw brokenFrame(
        `${this.#name()} sends beyond its credit: ${this.#bufferedBytes} bytes wait`,
      );
    }
    this.#entries.push({ element, costBytes, payload });
    if (this.#entries.length === this.#headIndex + 1) this.#onWake();
  }

  #checkSequence(sequence: number): void {
    if (sequence !== this.#nextSequence || this.#isFinished) {
      throw brokenFrame(
        `${this.#name()} has element ${sequence} where ${this.#nextSequence} is due (S8)`,
      );
    }
    this.#nextSequence += 1;
  }

  #name(): string {
    return describeChannel(this.address);
  }
}

export interface ElementCost {
  readonly costBytes: number;
  readonly sequence: number;
}
