import { crc32 } from "node:zlib";

import { assert, StreamError } from "@millrace/core";

import { FrameMemory } from "./frame-memory.ts";

/**
 * A frame, all integers little-endian u32:
 *
 * | offset | field |
 * |---|---|
 * | 0 | bytes of the payload |
 * | 4 | kind (8 bits), flags (8 bits), channel number (16 bits, high) |
 * | 8 | sequence number: of the channel's elements from 0; 0 elsewhere |
 * | 12 | CRC-32 of the 12 bytes before and, unless the flag 1 is set, the payload |
 * | 16 | payload |
 *
 * The flag is for payloads on a stream that guards its bytes by itself: their CRC would be nearly half
 * of what a plain socket costs.
 */
export const frameHeaderBytes = 16;
export const maxChannelsPerConnection = 0x1_0000;

export const frameKinds = {
  hello: 1,
  helloReply: 2,
  stale: 3,
  records: 4,
  watermark: 5,
  status: 6,
  barrier: 7,
  endOfInput: 8,
  end: 9,
  credit: 10,
} as const;

export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

const knownKinds: ReadonlySet<number> = new Set(Object.values(frameKinds));
const smallFrameBytes = 64;
const bareFlag = 1;
const noPayload = new Uint8Array(0);

export interface FrameHeader {
  readonly kind: FrameKind;
  /** Index in the hello's list. */
  readonly channelNumber: number;
  readonly sequence: number;
}

export interface Frame extends FrameHeader {
  /** Belongs to the one who gets the frame. */
  readonly payload: Uint8Array;
}

/** Returns a whole frame as one buffer. */
export function encodeFrame(header: FrameHeader, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  frame.set(payload, frameHeaderBytes);
  writeFrameHeader(frame, header);
  return frame;
}

/**
 * Fills in the header of a whole frame, before the payload that is there. Its CRC leaves the payload
 * out if the frame travels on a stream that guards its bytes.
 */
export function writeFrameHeader(
  frame: Uint8Array,
  header: FrameHeader,
  { isGuarded = false }: { readonly isGuarded?: boolean } = {},
): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frameHeaderBytes);
  view.setUint32(0, frame.length - frameHeaderBytes, true);
  view.setUint32(4, kindWord(header), true);
  if (isGuarded) view.setUint8(5, bareFlag);
  view.setUint32(8, header.sequence, true);
  const covered = isGuarded ? noPayload : frame.subarray(frameHeaderBytes);
  view.setUint32(12, checksum(frame.subarray(0, 12), covered), true);
}

/** How large a payload may be, by kind; undefined where the kind is not expected at all. */
export type PayloadLimit = (kind: FrameKind) => number | undefined;

/** Returns the limits of one direction of a connection. */
export function limitPayloads(
  expected: readonly FrameKind[],
  large: Readonly<Partial<Record<FrameKind, number>>>,
): PayloadLimit {
  const limits = new Map(expected.map((kind) => [kind, large[kind] ?? smallFrameBytes]));
  return (kind) => limits.get(kind);
}

/**
 * Cuts a stream of bytes into frames, however it was torn.
 *
 * I1 A length is checked against the kind's limit before anything is allocated for it (SEC8).
 * I2 A frame is handed out whole, its CRC checked, in the order of the stream (S8); all that is
 *    wrong throws `channel-broken`, and nothing may be pushed after that.
 */
export class Framer {
  readonly #onFrame: (frame: Frame) => void;
  readonly #memory: FrameMemory;
  readonly #header = new Uint8Array(frameHeaderBytes);
  readonly #headerView = new DataView(this.#header.buffer);
  #limit: PayloadLimit;
  #headerLength = 0;
  #payload: Uint8Array | undefined;
  #payloadLength = 0;

  /** Payloads come from the memory where they cannot be parts of chunks. */
  constructor(
    limit: PayloadLimit,
    onFrame: (frame: Frame) => void,
    memory: FrameMemory = new FrameMemory(),
  ) {
    this.#memory = memory;
    this.#limit = limit;
    this.#onFrame = onFrame;
  }

  /** From the next frame on; a frame of which a part is here already has passed the old limit. */
  setLimit(limit: PayloadLimit): void {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      offset += this.#fillHeader(chunk, offset);
      if (this.#headerLength < frameHeaderBytes) return;
      const length = this.#payloadBytes();
      if (this.#payload === undefined && chunk.length - offset >= length) {
        this.#handOut(chunk.subarray(offset, offset + length));
        offset += length;
      } else {
        offset += this.#fillPayload(chunk, offset, length);
      }
    }
  }

  #fillHeader(chunk: Uint8Array, offset: number): number {
    const missing = frameHeaderBytes - this.#headerLength;
    if (missing === 0) return 0;
    const part = chunk.subarray(offset, offset + missing);
    this.#header.set(part, this.#headerLength);
    this.#headerLength += part.length;
    return part.length;
  }

  /** Keeps what has come of a payload that continues in the next chunk. */
  #fillPayload(chunk: Uint8Array, offset: number, length: number): number {
    // All of it is filled before anybody sees it.
    this.#payload ??= this.#memory.take(length);
    const part = chunk.subarray(offset, offset + length - this.#payloadLength);
    this.#payload.set(part, this.#payloadLength);
    this.#payloadLength += part.length;
    if (this.#payloadLength === length) this.#handOut(this.#payload);
    return part.length;
  }

  #payloadBytes(): number {
    const length = this.#headerView.getUint32(0, true);
    const kind = this.#kind();
    const limit = this.#limit(kind);
    if (limit === undefined) throw brokenFrame(`a frame of kind ${kind} is not expected`);
    if (length > limit) throw brokenFrame(`a frame of kind ${kind} says ${length} bytes`);
    return length;
  }

  #kind(): FrameKind {
    const kind = this.#headerView.getUint8(4);
    if (!isFrameKind(kind)) throw brokenFrame(`there is no frame of kind ${kind}`);
    return kind;
  }

  #handOut(payload: Uint8Array): void {
    const view = this.#headerView;
    const kind = this.#kind();
    const channelNumber = view.getUint16(6, true);
    const sequence = view.getUint32(8, true);
    const flags = view.getUint8(5);
    if (flags > bareFlag) throw brokenFrame(`there is no frame with the flags ${flags}`);
    const covered = flags === bareFlag ? noPayload : payload;
    if (checksum(this.#header.subarray(0, 12), covered) !== view.getUint32(12, true)) {
      throw brokenFrame(`frame ${sequence} of channel ${channelNumber} has a wrong CRC`);
    }
    this.#headerLength = 0;
    this.#payload = undefined;
    this.#payloadLength = 0;
    this.#onFrame({ kind, channelNumber, sequence, payload });
  }
}

/** Returns the error of bytes that are no frame as it should be. */
export function brokenFrame(what: string): StreamError {
  const message = `record exchange: ${what}; the bytes are corrupt or of another version`;
  return new StreamError("channel-broken", message, { domain: "internal", retry: "backoff" });
}

function isFrameKind(kind: number): kind is FrameKind {
  return knownKinds.has(kind);
}

function kindWord({ kind, channelNumber }: FrameHeader): number {
  assert(channelNumber < maxChannelsPerConnection, `channel number ${channelNumber} is too large`);
  return (kind | (channelNumber << 16)) >>> 0;
}

function checksum(head: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(head));
}
