import { StreamError } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import {
  encodeFrame,
  frameHeaderBytes,
  frameKinds,
  Framer,
  limitPayloads,
  writeFrameHeader,
  type Frame,
} from "./frame.ts";

const limit = limitPayloads(Object.values(frameKinds), { [frameKinds.records]: 4_096 });

const frames = fc.array(
  fc.record({
    kind: fc.constant(frameKinds.records),
    channelNumber: fc.integer({ min: 0, max: 0xffff }),
    sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
    payload: fc.uint8Array({ maxLength: 200 }),
  }),
  { maxLength: 8 },
);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Pushes the bytes in pieces of the lengths, in turn. */
function pushTorn(bytes: Uint8Array, lengths: readonly number[]): Frame[] {
  const read: Frame[] = [];
  const framer = new Framer(limit, (frame) => read.push(frame));
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    framer.push(bytes.slice(offset, offset + length));
    offset += length;
  }
  return read;
}

/** Returns how many frames the bytes gave, or the code of the failure. */
function readOrFail(bytes: Uint8Array): number | string {
  try {
    return pushTorn(bytes, [7]).length;
  } catch (error) {
    return StreamError.from(error).code;
  }
}

test("frames come out as they went in, however the stream is torn (S8)", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(frames, lengths, (sent, pieces) => {
      const bytes = concat(sent.map((frame) => encodeFrame(frame, frame.payload)));
      expect(pushTorn(bytes, pieces)).toEqual(sent);
    }),
  );
});

test("a flipped bit anywhere in a frame never gives a frame (S8)", () => {
  const header = { kind: frameKinds.records, channelNumber: 3, sequence: 9 };
  const sent = encodeFrame(
    header,
    Uint8Array.from({ length: 20 }, (_, index) => index),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: sent.length * 8 - 1 }), (bit) => {
      const bytes = sent.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readOrFail(bytes)).toBeOneOf(["channel-broken", 0]);
    }),
  );
});

test("a length beyond the limit of its kind is refused when only the header is there (SEC8)", () => {
  const bytes = encodeFrame(
    { kind: frameKinds.records, channelNumber: 0, sequence: 0 },
    new Uint8Array(5_000),
  );
  const framer = new Framer(limit, () => {});
  expect(() => framer.push(bytes.subarray(0, frameHeaderBytes))).toThrow("says 5000 bytes");
});

test("a kind that is not expected is refused by its header", () => {
  const framer = new Framer(limitPayloads([frameKinds.hello], {}), () => {});
  const bytes = encodeFrame(
    { kind: frameKinds.records, channelNumber: 0, sequence: 0 },
    new Uint8Array(8),
  );
  expect(() => framer.push(bytes)).toThrow(expect.objectContaining({ code: "channel-broken" }));
});

test("on a stream that guards its bytes a frame's CRC covers its header and leaves the payload out", () => {
  const frame = new Uint8Array(frameHeaderBytes + 3);
  const header = { kind: frameKinds.records, channelNumber: 3, sequence: 9 };
  writeFrameHeader(frame, header, { isGuarded: true });
  frame.set([1, 2, 3], frameHeaderBytes);
  expect(pushTorn(frame, [7])).toEqual([{ ...header, payload: Uint8Array.of(1, 2, 3) }]);
  for (let bit = 0; bit < frameHeaderBytes * 8; bit += 1) {
    const bytes = frame.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(readOrFail(bytes)).toBeOneOf(["channel-broken", 0]);
  }
});

test("a header that is filled in later is the same as one that was written first", () => {
  const header = { kind: frameKinds.records, channelNumber: 0x8001, sequence: 7 };
  const payload = Uint8Array.of(1, 2, 3);
  const frame = Uint8Array.of(...new Uint8Array(frameHeaderBytes), ...payload);
  writeFrameHeader(frame, header);
  expect(frame).toEqual(encodeFrame(header, payload));
});
