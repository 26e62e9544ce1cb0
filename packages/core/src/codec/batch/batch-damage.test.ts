import fc from "fast-check";
import { expect, test } from "vitest";

import { BatchCode } from "./batch-code.ts";
import { BatchReader } from "./batch-reader.ts";
import { encode, outcomeOf, readBatch } from "./test-kit/batches.ts";

const bid = { auction: 1001, bidder: 7, price: 12.5, url: "https://example.org/auction/1001" };

const samples: readonly unknown[] = Array.from(
  { length: 30 },
  (_, n) =>
    [
      {
        ...bid,
        auction: n * 1_000,
        channel: n % 4 === 0 ? null : "apple",
        at: new Date(n),
        seen: n > 9,
      },
      {
        tags: ["a", "longer than thirteen"],
        raw: Uint8Array.of(n),
        big: BigInt(n),
        any: new Map([[n, n]]),
        deep: [[n], []],
      },
      `word-${n}`,
    ][n % 3],
);

test("broken bytes are refused or read as something, but end", () => {
  for (const values of [
    samples,
    samples.filter((value) => typeof value === "string"),
    samples.filter((_, n) => n % 3 === 0),
    samples.filter((_, n) => n % 3 === 1),
  ]) {
    const sound = encode(values);
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(),
        (position, byte, second) => {
          const bytes = sound.slice();
          bytes[position % bytes.length] = byte;
          bytes[second % Math.min(bytes.length, 400)] = byte ^ 0x55;
          expect(["read", "decode-failed"]).toContain(outcomeOf(bytes));
        },
      ),
      { numRuns: 1_000 },
    );
  }
});

test("any bytes are refused or read as something, but end", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), (noise) => {
      expect(outcomeOf(noise)).toBe("decode-failed");
      const bytes = encode(samples);
      bytes.set(noise, 40);
      expect(["read", "decode-failed"]).toContain(outcomeOf(bytes));
    }),
    { numRuns: 1_000 },
  );
});

test("bytes that were cut or added are noticed", () => {
  const sound = encode(samples);
  for (let length = 0; length < sound.length; length += 1) {
    expect(outcomeOf(sound.subarray(0, length))).toBe("decode-failed");
  }
  expect(outcomeOf(Uint8Array.of(...sound, 0))).toBe("decode-failed");
});

test("batches that share their code are read at whatever address their bytes lie", () => {
  const code = new BatchCode();
  const sound = encode(samples);
  for (let offset = 0; offset < 16; offset += 1) {
    const memory = new Uint8Array(sound.length + offset);
    memory.set(sound, offset);
    const rows = readBatch(memory.subarray(offset), new BatchReader(code));
    expect(rows.map(([value]) => value)).toStrictEqual(samples);
  }
});
