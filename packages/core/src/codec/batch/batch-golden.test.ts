import { expect, test } from "vitest";

import { encode, readBatch } from "./test-kit/batches.ts";

test.each<[string, readonly unknown[], string]>([
  [
    "words",
    ["to", "be", "\u20ac"],
    "02010100030000000200000000000000000000000300000006000000000000000100000000000000" +
      "000000000000000000000000010000000100000000000000fffffffffeffffff0105040403746f62" +
      "65ac20",
  ],
  [
    "an object that is learnt",
    Array.from({ length: 5 }, (_, n) => ({ id: n * 200, ok: n > 2, x: n > 3 ? 0.5 : null })),
    "020103000500000024000000020000000100000004000000000000001c0000000100000000000000" +
      "0000000000000000000000000000e03f000000000100000001000000010000000100000000000000" +
      "fffffffffefffffffdfffffffcffffff58020000200300000109100c03020069640202006f6b0401" +
      "00788a100c03020069640202006f6b040100788300000001020100010220030200696402006f6b01" +
      "00788002002004900302002004a0060200",
  ],
  [
    "a union with the fallback",
    [-1, 300, "a", { a: 1n }, undefined],
    "02010400050000000800000002000000000000000200000001000000080000000100000000000000" +
      "0000000000000000000000000100000001000000010000000100000000000000fffffffffeffffff" +
      "fdfffffffcffffffffffffff2c010000010201050109018a00000102030201612001010061080101",
  ],
])("format version 2 is frozen: %s", (_name, values, hex) => {
  expect(Buffer.from(encode(values)).toString("hex")).toBe(hex);
  expect(readBatch(Buffer.from(hex, "hex")).map(([value]) => value)).toStrictEqual(values);
});
