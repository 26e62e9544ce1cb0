import { assert } from "@millrace/core";

import type { ControlElement } from "./control-frames.ts";
import type { FrameMemory } from "./frame-memory.ts";
import { frameHeaderBytes } from "./frame.ts";
import type { ExchangeOptions } from "./options.ts";
import type { ReceivingChannel } from "./receiving-channel.ts";
import { RecordWriter, type RecordBuffer } from "./record-codec.ts";
import type { ChannelLink } from "./sending-channel.ts";
import { ValueBuffer } from "./value-batch.ts";

const controlCostBytes = frameHeaderBytes + 8;

/**
 * Both ends of a channel within one slot. It obeys the same rules of order and credit as a
 * connection; elements are handed over by a call.
 */
export class LocalChannel implements ChannelLink {
  readonly buffer: RecordBuffer;
  /** Where payloads come from; the receiving end gives them back. */
  readonly #memory: FrameMemory;
  readonly #encoded: RecordWriter | undefined;
  readonly #values: ValueBuffer | undefined;
  /** Elements from before the receiver opened: none but barriers and the end, as there is no credit. */
  #receiver: ReceivingChannel | undefined;
  #early: (() => void)[] | undefined = [];

  constructor(options: ExchangeOptions, hasHash: boolean, memory: FrameMemory) {
    this.#memory = memory;
    if (options.encodeLocal) {
      this.#encoded = new RecordWriter(options, hasHash);
      this.buffer = this.#encoded;
    } else {
      this.#values = new ValueBuffer(options);
      this.buffer = this.#values;
    }
  }

  /** Joins the sending end to the receiving one and hands over what was said before. */
  connect(receiver: ReceivingChannel, onGrant: (sizeBytes: number) => void): void {
    assert(this.#receiver === undefined, "a local channel is connected once");
    this.#receiver = receiver;
    const early = this.#early ?? [];
    this.#early = undefined;
    onGrant(receiver.connect({ grant: onGrant }));
    for (const handOver of early) handOver();
  }

  sendRecords(sequence: number): number {
    const costBytes = this.buffer.sizeBytes;
    const cost = { costBytes, sequence };
    if (this.#encoded !== undefined) {
      const payload = this.#encoded.takePayload(this.#memory);
      this.#handOver((receiver) => receiver.acceptPayload(payload, cost));
    } else if (this.#values !== undefined) {
      const batch = this.#values.takeBatch(sequence);
      this.#handOver((receiver) => receiver.acceptBatch(batch, cost));
    }
    return costBytes;
  }

  sendControl(element: ControlElement, sequence: number): number {
    const cost = { costBytes: controlCostBytes, sequence };
    this.#handOver((receiver) => receiver.acceptControl(element, cost));
    return controlCostBytes;
  }

  sendEnd(sequence: number): void {
    this.#handOver((receiver) => receiver.finish(sequence));
  }

  push(): void {
    // Everything is there already.
  }

  #handOver(accept: (receiver: ReceivingChannel) => void): void {
    const receiver = this.#receiver;
    if (receiver !== undefined) accept(receiver);
    else {
      this.#early?.push(() => {
        if (this.#receiver !== undefined) accept(this.#receiver);
      });
    }
  }
}
