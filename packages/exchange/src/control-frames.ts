import {
  ByteReader,
  ByteWriter,
  parseCheckpointId,
  type Barrier,
  type CheckpointId,
} from "@millrace/core";

import type { StreamElement } from "./contract.ts";
import { brokenFrame, frameKinds, type Frame, type FrameKind } from "./frame.ts";

/** An element that is not records. */
export type ControlElement = Exclude<StreamElement, { readonly kind: "records" }>;

const emptyPayload = new Uint8Array(0);
const barrierModes = ["full", "delta"] as const;

/** Returns the kind and the payload of an element's frame. */
export function encodeControl(element: ControlElement): {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
} {
  switch (element.kind) {
    case "watermark":
      return { kind: frameKinds.watermark, payload: writeF64(element.watermarkMs) };
    case "status":
      return { kind: frameKinds.status, payload: Uint8Array.of(element.isIdle ? 1 : 0) };
    case "barrier":
      return { kind: frameKinds.barrier, payload: writeBarrier(element.barrier) };
    case "end-of-input":
      return { kind: frameKinds.endOfInput, payload: emptyPayload };
  }
}

/** Returns the element of a frame that is neither records nor the exchange's own. */
export function decodeControl(frame: Frame): ControlElement {
  const input = new ByteReader(frame.payload);
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others are no elements
  switch (frame.kind) {
    case frameKinds.watermark:
      return { kind: "watermark", watermarkMs: input.f64() };
    case frameKinds.status:
      return { kind: "status", isIdle: input.u8() === 1 };
    case frameKinds.barrier:
      return { kind: "barrier", barrier: readBarrier(input) };
    case frameKinds.endOfInput:
      return { kind: "end-of-input" };
    default:
      throw brokenFrame(`a frame of kind ${frame.kind} is no element`);
  }
}

/** Returns the payload of a grant: one number of bytes for each channel, or for the one. */
export function encodeGrants(grantedBytes: readonly number[]): Uint8Array {
  const out = new ByteWriter({ initialBytes: 4 * grantedBytes.length + 4 });
  for (const sizeBytes of grantedBytes) out.u32(sizeBytes);
  return out.copy();
}

/** Returns the numbers of bytes of a grant. */
export function decodeGrants(payload: Uint8Array): readonly number[] {
  const input = new ByteReader(payload);
  return Array.from({ length: Math.floor(payload.length / 4) }, () => input.u32());
}

// Layout: checkpoint id u64, base u64 (0: none), mode u8.
function writeBarrier({ checkpointId, base, mode }: Barrier): Uint8Array {
  const out = new ByteWriter({ initialBytes: 32 });
  out.u64(checkpointId);
  out.u64(base ?? 0n);
  out.u8(barrierModes.indexOf(mode));
  return out.copy();
}

function readBarrier(input: ByteReader): Barrier {
  const checkpointId = parseCheckpointId(input.u64());
  const base = input.u64();
  const mode = barrierModes[input.u8()];
  if (mode === undefined) throw brokenFrame("a barrier has an unknown mode");
  return { checkpointId, mode, ...baseOf(base) };
}

function baseOf(base: bigint): { readonly base?: CheckpointId } {
  return base === 0n ? {} : { base: parseCheckpointId(base) };
}

function writeF64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}
