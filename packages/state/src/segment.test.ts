import fc from "fast-check";
import { expect, test } from "vitest";

import { parseFooter, SegmentBuilder } from "./segment.ts";
import { fromHex, toHex } from "./test-kit/hex.ts";

const sha256 = "ab".repeat(32);

function build(): SegmentBuilder {
  const builder = new SegmentBuilder("zstd");
  const shared = { kind: "keyed", role: "delta", cellCount: 3, rawLength: 10, sha256 } as const;
  builder.add({ ...shared, operator: "sum", groupStart: 64, groupEnd: 127 }, new Uint8Array(5));
  builder.add({ ...shared, operator: "sum", groupStart: 0, groupEnd: 63 }, new Uint8Array(7));
  builder.add(
    { ...shared, kind: "list", role: "base", operator: "in", groupStart: 0, groupEnd: 0 },
    new Uint8Array(2),
  );
  return builder;
}

test("a footer lists the blocks by operator and key group, with their places", () => {
  const { footer, parts, lengthBytes } = build().finish();
  const { compressor, blocks } = parseFooter(footer);
  expect(compressor).toBe("zstd");
  expect(
    blocks.map(({ operator, groupStart, offset, length }) => [
      operator,
      groupStart,
      offset,
      length,
    ]),
  ).toEqual([
    ["in", 0, 12, 2],
    ["sum", 0, 5, 7],
    ["sum", 64, 0, 5],
  ]);
  expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(lengthBytes);
});

test("a broken footer is refused", () => {
  const { footer } = build().finish();
  expect(() => parseFooter(footer.subarray(0, footer.length - 1))).toThrow("end too early");
  fc.assert(
    fc.property(fc.nat({ max: footer.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const bytes = footer.slice();
      bytes[at] = byte;
      try {
        parseFooter(bytes);
      } catch (error) {
        return Reflect.get(Object(error), "code") === "decode-failed";
      }
      return true;
    }),
  );
});

test("format version 1 of a footer is frozen, and read (D4)", () => {
  const builder = new SegmentBuilder("zstd");
  const delta = { operator: "sum", kind: "keyed", role: "delta", cellCount: 3 } as const;
  const list = { operator: "in", kind: "list", role: "base", cellCount: 1 } as const;
  builder.add(
    { ...delta, groupStart: 64, groupEnd: 127, rawLength: 300, sha256 },
    new Uint8Array(5),
  );
  builder.add(
    { ...list, groupStart: 0, groupEnd: 0, rawLength: 10, sha256: "cd".repeat(32) },
    new Uint8Array(2),
  );
  const hex =
    "3153524d0104007a737464020000000200696e010000010000000000002440000000000000144000" +
    "00000000000040400063646364636463646364636463646364636463646364636463646364636463" +
    "646364636463646364636463646364636463646364636463646364636463646364030073756d0240" +
    "7f030000000000c07240000000000000000000000000000014404000616261626162616261626162" +
    "61626162616261626162616261626162616261626162616261626162616261626162616261626162" +
    "616261626162616261626162";
  expect(toHex(builder.finish().footer)).toBe(hex);
  expect(parseFooter(fromHex(hex)).blocks[1]).toEqual({
    ...delta,
    groupStart: 64,
    groupEnd: 127,
    rawLength: 300,
    sha256,
    offset: 0,
    length: 5,
  });
});
