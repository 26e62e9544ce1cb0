import {
  isEqualInConstantTime,
  StreamError,
  type AttemptRef,
  type ByteStream,
} from "@millrace/core";

import { decodeControl, encodeGrants } from "./control-frames.ts";
import type { FrameMemory } from "./frame-memory.ts";
import {
  brokenFrame,
  encodeFrame,
  frameHeaderBytes,
  frameKinds,
  Framer,
  limitPayloads,
  type Frame,
  type FrameKind,
} from "./frame.ts";
import {
  channelKey,
  compareRefs,
  describeChannel,
  maxHelloBytes,
  parseHello,
  type Hello,
} from "./hello.ts";
import { maxRecordsFrameBytes, type ExchangeOptions } from "./options.ts";
import type { ReceivingChannel } from "./receiving-channel.ts";

/** What a connection asks of the exchange that it came to. */
export interface ReceiverHost {
  readonly options: ExchangeOptions;
  /** For the payloads of its frames. */
  readonly memory: FrameMemory;
  /** A hello came: the host accepts, holds or refuses it, now or later. */
  onHello(connection: RemoteReceiver): void;
  /** An accepted connection broke. */
  onBroken(connection: RemoteReceiver, error: StreamError): void;
  /** The connection is over, in whatever way. */
  onGone(connection: RemoteReceiver): void;
}

export type Admission = "current" | "early" | "stale";

/** Returns what to do with a hello when the slot serves this attempt (S2). */
export function decideAdmission(
  hello: Hello,
  attempt: { readonly ref: AttemptRef; readonly channelToken: string } | undefined,
): Admission {
  if (attempt === undefined) return "early";
  if (hello.ref.jobId !== attempt.ref.jobId) return "stale";
  const order = compareRefs(hello.ref, attempt.ref);
  if (order !== 0) return order > 0 ? "early" : "stale";
  return isEqualInConstantTime(hello.channelToken, attempt.channelToken) ? "current" : "stale";
}

type State =
  | { readonly kind: "silent" }
  | { readonly kind: "greeted"; readonly hello: Hello; readonly breakage: StreamError | undefined }
  | { readonly kind: "open"; readonly hello: Hello; readonly channels: readonly ReceivingChannel[] }
  | { readonly kind: "over" };

const helloOnly = limitPayloads([frameKinds.hello], { [frameKinds.hello]: maxHelloBytes });
const nothingExpected = limitPayloads([], {});

/**
 * The connection from one sending slot. It reads its stream always; what bounds it is the credit
 * that it gave.
 *
 * | state | hello | elements | accept | refuse | stream ends |
 * |---|---|---|---|---|---|
 * | silent | greeted | broken | - | over | over |
 * | greeted | greeted, told on accept | the same | open | over | greeted, told on accept |
 * | open | broken | to the channels | - | - | over; a failure unless all channels said END |
 */
export class RemoteReceiver {
  readonly #stream: ByteStream;
  readonly #host: ReceiverHost;
  readonly #framer: Framer;
  #state: State = { kind: "silent" };

  constructor(stream: ByteStream, host: ReceiverHost) {
    this.#stream = stream;
    this.#host = host;
    this.#framer = new Framer(helloOnly, (frame) => this.#onFrame(frame), host.memory);
    stream.setHandlers({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => {},
      onClose: (cause) => this.#onClose(cause),
    });
  }

  /** The hello, once it came. */
  hello(): Hello | undefined {
    return this.#state.kind === "greeted" || this.#state.kind === "open"
      ? this.#state.hello
      : undefined;
  }

  /** Joins the channels of the hello and replies with their first credit. */
  accept(inputs: ReadonlyMap<string, ReceivingChannel>): void {
    const state = this.#state;
    if (state.kind !== "greeted") return;
    if (state.breakage !== undefined) {
      this.#break(state.breakage);
      return;
    }
    try {
      const channels = state.hello.channels.map((address) => {
        const channel = inputs.get(channelKey(address));
        if (channel === undefined) throw brokenFrame(`no input for ${describeChannel(address)}`);
        return channel;
      });
      const grants = channels.map((channel, channelNumber) =>
        channel.connect({ grant: (sizeBytes) => this.#grant(channelNumber, sizeBytes) }),
      );
      this.#state = { kind: "open", hello: state.hello, channels };
      this.#framer.setLimit(limitElements(this.#host.options));
      this.#send(frameKinds.helloReply, 0, encodeGrants(grants));
    } catch (error) {
      this.#break(StreamError.from(error));
    }
  }

  /** Says STALE and lets go. */
  refuse(reason: string): void {
    if (this.#state.kind === "over") return;
    this.#state = { kind: "over" };
    this.#send(frameKinds.stale, 0, new TextEncoder().encode(reason).subarray(0, 1_024));
    this.#stream.end();
    this.#host.onGone(this);
  }

  /** Lets go without a word. */
  close(): void {
    if (this.#state.kind === "over") return;
    this.#state = { kind: "over" };
    this.#stream.destroy();
    this.#host.onGone(this);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#state.kind === "over") return;
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.#onGarbage(StreamError.from(error));
    }
  }

  /** Until it is admitted nobody knows who it is: it must not be able to fail an attempt. */
  #onGarbage(error: StreamError): void {
    if (this.#state.kind !== "greeted") {
      this.#break(error);
      return;
    }
    this.#state = { ...this.#state, breakage: this.#state.breakage ?? error };
    this.#stream.destroy();
  }

  #onFrame(frame: Frame): void {
    if (this.#state.kind === "open") this.#onElement(this.#state.channels, frame);
    else if (this.#state.kind === "silent") {
      this.#framer.setLimit(nothingExpected);
      this.#state = { kind: "greeted", hello: parseHello(frame.payload), breakage: undefined };
      this.#host.onHello(this);
    }
  }

  #onElement(channels: readonly ReceivingChannel[], frame: Frame): void {
    const { channelNumber, sequence, payload } = frame;
    const channel = channels[channelNumber];
    if (channel === undefined) throw brokenFrame(`an element is for channel ${channelNumber}`);
    const cost = { costBytes: frameHeaderBytes + payload.length, sequence };
    if (frame.kind === frameKinds.records) channel.acceptPayload(payload, cost);
    else if (frame.kind === frameKinds.end) channel.finish(sequence);
    else channel.acceptControl(decodeControl(frame), cost);
  }

  #onClose(cause: Error | undefined): void {
    const state = this.#state;
    if (state.kind === "over") return;
    const error = this.#broken(cause?.message ?? "it ended without END", cause);
    if (state.kind === "greeted") {
      // If it is held, whoever begins its attempt must learn that it broke.
      this.#state = { ...state, breakage: error };
      return;
    }
    if (state.kind === "open" && !state.channels.every((channel) => channel.isFinished())) {
      this.#break(error);
      return;
    }
    this.#state = { kind: "over" };
    if (cause === undefined) this.#stream.end();
    this.#host.onGone(this);
  }

  #break(error: StreamError): void {
    const isAccepted = this.#state.kind === "open" || this.#state.kind === "greeted";
    if (isAccepted) this.#host.onBroken(this, error);
    this.close();
  }

  #grant(channelNumber: number, sizeBytes: number): void {
    if (this.#state.kind === "over") return;
    this.#send(frameKinds.credit, channelNumber, encodeGrants([sizeBytes]));
  }

  #send(kind: FrameKind, channelNumber: number, payload: Uint8Array): void {
    this.#stream.write([encodeFrame({ kind, channelNumber, sequence: 0 }, payload)]);
  }

  #broken(reason: string, cause: Error | undefined): StreamError {
    const hello = this.hello();
    const first = hello?.channels[0];
    const channel = first === undefined ? "none" : describeChannel(first);
    const count = hello?.channels.length ?? 0;
    const message = `connection from ${hello?.from ?? this.#stream.peer} (${count} channels, first ${channel}) broke: ${reason}`;
    const location = { channel };
    return new StreamError("channel-broken", message, {
      domain: "external",
      retry: "backoff",
      location,
      cause,
    });
  }
}

function limitElements(options: ExchangeOptions): (kind: FrameKind) => number | undefined {
  const { records, watermark, status, barrier, endOfInput, end } = frameKinds;
  return limitPayloads([records, watermark, status, barrier, endOfInput, end], {
    [records]: maxRecordsFrameBytes(options),
  });
}
