import {
  assert,
  StreamError,
  type ByteStream,
  type Clock,
  type StreamNetwork,
} from "@millrace/core";

import type { ChannelAddress } from "./contract.ts";
import { decodeGrants, encodeControl, type ControlElement } from "./control-frames.ts";
import type { FrameMemory } from "./frame-memory.ts";
import {
  brokenFrame,
  encodeFrame,
  frameKinds,
  Framer,
  limitPayloads,
  maxChannelsPerConnection,
  type Frame,
  type FrameHeader,
} from "./frame.ts";
import { describeChannel, encodeHello, type Hello } from "./hello.ts";
import type { ExchangeOptions } from "./options.ts";
import { RecordWriter } from "./record-codec.ts";
import type { ChannelLink, SendingChannel } from "./sending-channel.ts";

/** Frames are handed to the stream together, up to about this much. */
const writeBytes = 128 * 1024;

const fromReceiver = limitPayloads([frameKinds.helloReply, frameKinds.stale, frameKinds.credit], {
  [frameKinds.helloReply]: 4 * maxChannelsPerConnection,
  [frameKinds.stale]: 1_024,
});

export interface RemoteSenderOptions {
  readonly network: StreamNetwork;
  readonly clock: Clock;
  readonly options: ExchangeOptions;
  readonly memory: FrameMemory;
  /** The receiver's data address. */
  readonly address: string;
  /** Called once. */
  readonly onFailure: (error: StreamError) => void;
}

type Phase = "unopened" | "greeting" | "open" | "ended" | "failed";

/**
 * The connection to one receiving slot: all channels from this slot to that one.
 *
 * I1 Nothing but the hello leaves before its reply, which says that the receiver is restored and
 *    gives the first credit. What is said until then (barriers) waits here.
 * I2 It is a failure when the stream ends before END was said on every channel. There is no
 *    connecting again.
 */
export class RemoteSender {
  /** Where its frames come from, and go back to when they have left. */
  readonly memory: FrameMemory;
  readonly #parts: RemoteSenderOptions;
  readonly #channels: SendingChannel[] = [];
  readonly #framer = new Framer(fromReceiver, (frame) => this.#onFrame(frame));
  #phase: Phase = "unopened";
  #stream: ByteStream | undefined;
  #deadline: Disposable | undefined;
  #isGuarded = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #endedCount = 0;

  constructor(parts: RemoteSenderOptions) {
    this.#parts = parts;
    this.memory = parts.memory;
  }

  /** Makes a channel's link; the channel itself is added by `addChannel`, in the same order. */
  newLink(channelNumber: number, hasHash: boolean): ChannelLink {
    return new RemoteLink(this, channelNumber, new RecordWriter(this.#parts.options, hasHash));
  }

  channelCount(): number {
    return this.#channels.length;
  }

  addChannel(channel: SendingChannel): void {
    assert(this.#phase === "unopened", "channels are added before the connection opens");
    this.#channels.push(channel);
  }

  /** Connects and says hello. */
  open(hello: Omit<Hello, "channels">): void {
    const { network, address, clock, options } = this.#parts;
    this.#phase = "greeting";
    const stream = network.openStream(address);
    this.#stream = stream;
    stream.setHandlers({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => {},
      onClose: (cause) => this.#onClose(cause),
    });
    const channels: readonly ChannelAddress[] = this.#channels.map((channel) => channel.address);
    const header = { kind: frameKinds.hello, channelNumber: 0, sequence: 0 };
    stream.write([encodeFrame(header, encodeHello({ ...hello, channels }))]);
    this.#deadline = clock.schedule(options.handshakeTimeoutMs, () => {
      this.#fail(this.#broken(`no reply to the hello within ${options.handshakeTimeoutMs} ms`));
    });
  }

  /** Whether what a frame's payload holds is safe without its CRC; never before the receiver opened. */
  get isGuarded(): boolean {
    return this.#isGuarded;
  }

  sendFrame(frame: Uint8Array): void {
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    if (this.#waitingBytes >= writeBytes) this.push();
  }

  /** Takes note that END was said on one more channel; the last one ends the stream. */
  endChannel(): void {
    this.#endedCount += 1;
  }

  /** Writes what waits, once the receiver has opened. */
  push(): void {
    if (this.#phase !== "open" || this.#waiting.length === 0) return;
    const frames = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#stream?.write(frames, () => {
      for (const frame of frames) this.memory.release(frame);
    });
    if (this.#endedCount < this.#channels.length) return;
    this.#phase = "ended";
    this.#stream?.end();
  }

  /** Lets go of the connection without a word. */
  close(): void {
    this.#deadline?.[Symbol.dispose]();
    const isOver = this.#phase === "ended" || this.#phase === "failed";
    this.#phase = "failed";
    this.#waiting = [];
    if (!isOver) this.#stream?.destroy();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#phase === "failed") return;
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.#fail(StreamError.from(error));
    }
  }

  #onFrame({ kind, channelNumber, payload }: Frame): void {
    if (this.#phase === "failed") return;
    if (kind === frameKinds.helloReply) this.#onReply(decodeGrants(payload));
    else if (kind === frameKinds.stale) {
      const reason = new TextDecoder().decode(payload);
      const message = `${this.#name()} refuses this attempt: ${reason}`;
      this.#fail(new StreamError("stale", message, { domain: "internal", retry: "never" }));
    } else {
      const channel = this.#channels[channelNumber];
      if (channel === undefined) throw brokenFrame(`a credit is for channel ${channelNumber}`);
      channel.grant(decodeGrants(payload)[0] ?? 0);
    }
  }

  #onReply(grants: readonly number[]): void {
    if (this.#phase !== "greeting" || grants.length !== this.#channels.length) {
      throw brokenFrame("a hello's reply is not due, or is not about its channels");
    }
    this.#deadline?.[Symbol.dispose]();
    this.#phase = "open";
    this.#isGuarded = this.#stream?.guardsBytes ?? false;
    for (const [index, channel] of this.#channels.entries()) channel.grant(grants[index] ?? 0);
    this.push();
  }

  #onClose(cause: Error | undefined): void {
    if (this.#phase === "ended") return;
    this.#fail(this.#broken(cause?.message ?? "the receiver is gone", cause));
  }

  #fail(error: StreamError): void {
    if (this.#phase === "failed" || this.#phase === "ended") return;
    this.close();
    this.#parts.onFailure(error);
  }

  #broken(reason: string, cause?: Error): StreamError {
    const message = `connection to ${this.#name()} broke: ${reason}`;
    const location = { channel: this.#firstChannel() };
    return new StreamError("channel-broken", message, {
      domain: "external",
      retry: "backoff",
      location,
      cause,
    });
  }

  #name(): string {
    return `${this.#parts.address} (${this.#channels.length} channels, first ${this.#firstChannel()})`;
  }

  #firstChannel(): string {
    const first = this.#channels[0];
    return first === undefined ? "none" : describeChannel(first.address);
  }
}

/** One channel of a connection. */
class RemoteLink implements ChannelLink {
  readonly buffer: RecordWriter;
  readonly #sender: RemoteSender;
  readonly #channelNumber: number;

  constructor(sender: RemoteSender, channelNumber: number, buffer: RecordWriter) {
    this.#sender = sender;
    this.#channelNumber = channelNumber;
    this.buffer = buffer;
  }

  sendRecords(sequence: number): number {
    const position = { channelNumber: this.#channelNumber, sequence };
    const frame = this.buffer.takeFrame(position, this.#sender);
    const sizeBytes = frame.length;
    this.#sender.sendFrame(frame);
    return sizeBytes;
  }

  sendControl(element: ControlElement, sequence: number): number {
    const { kind, payload } = encodeControl(element);
    return this.#send({ kind, channelNumber: this.#channelNumber, sequence }, payload);
  }

  sendEnd(sequence: number): void {
    const { end: kind } = frameKinds;
    this.#sender.endChannel();
    this.#send({ kind, channelNumber: this.#channelNumber, sequence }, new Uint8Array(0));
  }

  push(): void {
    this.#sender.push();
  }

  #send(header: FrameHeader, payload: Uint8Array): number {
    const frame = encodeFrame(header, payload);
    this.#sender.sendFrame(frame);
    return frame.length;
  }
}
