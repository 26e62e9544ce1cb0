import type { Compressor } from "@millrace/core";
import { describe, expect, test } from "vitest";

export interface CompressorSubject extends AsyncDisposable {
  readonly compressor: Compressor;
}

/** Returns bytes of which some parts repeat and others do not. */
function rawBytes(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, (_unused, index) => {
    state = Math.imul(state, 1_103_515_245) + 12_345;
    return index % 1_000 < 500 ? 7 : state >>> 16;
  });
}

type CreateSubject = () => Promise<CompressorSubject>;

/**
 * Describes what every compressor does; each test gets a fresh subject. That bytes were changed
 * without a change of length is for the checksum beside them to find, not for the compressor.
 */
export function describeCompressorContract(name: string, createSubject: CreateSubject): void {
  describe(`${name} compressor`, () => {
    describeRoundTrips(createSubject);
    describeRefusals(createSubject);
  });
}

function describeRoundTrips(createSubject: CreateSubject): void {
  test("gives back what it got, whatever its length", async () => {
    await using subject = await createSubject();
    const { compressor } = subject;
    expect(compressor.name).toMatch(/^[a-z0-9]+$/);
    for (const length of [0, 1, 100, 65_537, 1_000_000]) {
      const raw = rawBytes(length);
      const packed = await compressor.compress(raw);
      const unpacked = await compressor.decompress(packed, length);
      expect(Buffer.from(unpacked).equals(raw), `${length} bytes`).toBe(true);
    }
  });

  test("takes a part of a larger buffer as that part", async () => {
    await using subject = await createSubject();
    const { compressor } = subject;
    const arena = rawBytes(3_000);
    const packed = await compressor.compress(arena.subarray(100, 1_300));
    const larger = Buffer.concat([Buffer.from("before"), packed, Buffer.from("behind")]);
    const unpacked = await compressor.decompress(larger.subarray(6, 6 + packed.length), 1_200);
    expect(Buffer.from(unpacked).equals(arena.subarray(100, 1_300))).toBe(true);
  });

  test("answers that run at the same time do not mix, nor touch what was given", async () => {
    await using subject = await createSubject();
    const { compressor } = subject;
    const raws = [10, 5_000, 300].map(rawBytes);
    const packed = await Promise.all(raws.map((raw) => compressor.compress(raw)));
    const kept = packed.map((bytes) => Buffer.from(bytes));
    const unpacked = await Promise.all(
      packed.map((bytes, index) => compressor.decompress(bytes, raws[index]?.length ?? 0)),
    );
    for (const bytes of unpacked) bytes.fill(0);
    expect(raws).toEqual([10, 5_000, 300].map(rawBytes));
    expect(packed.map((bytes) => Buffer.from(bytes))).toEqual(kept);
  });
}

function describeRefusals(createSubject: CreateSubject): void {
  test.each([0, 1, 4_999, 5_001, 1_000_000])(
    "5,000 bytes said to be %i are refused",
    async (rawLength) => {
      await using subject = await createSubject();
      const packed = await subject.compressor.compress(rawBytes(5_000));
      await expect(subject.compressor.decompress(packed, rawLength)).rejects.toMatchObject({
        code: "decode-failed",
        retry: "never",
      });
    },
  );

  test("bytes that are cut short or are something else are refused", async () => {
    await using subject = await createSubject();
    const { compressor } = subject;
    const packed = await compressor.compress(rawBytes(5_000));
    const broken = [
      new Uint8Array(0),
      packed.subarray(0, 1),
      packed.subarray(0, packed.length / 2),
      packed.subarray(0, packed.length - 1),
      packed.subarray(1),
      new TextEncoder().encode("something else"),
    ];
    for (const bytes of broken) {
      await expect(compressor.decompress(bytes, 5_000)).rejects.toMatchObject({
        code: "decode-failed",
      });
    }
  });
}
