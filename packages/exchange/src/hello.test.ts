import { expect, test } from "vitest";

import { compareRefs, encodeHello, parseHello, type Hello } from "./hello.ts";
import { attemptRef } from "./test-kit/slots.ts";

const hello: Hello = {
  ref: attemptRef(3, 2n ** 60n),
  channelToken: "0123",
  from: "unix:/tmp/x/s",
  channels: [
    { edgeIndex: 0, fromIndex: 1, toIndex: 2 },
    { edgeIndex: 4, fromIndex: 1, toIndex: 0 },
  ],
};

test("a hello is read as it was written", () => {
  expect(parseHello(encodeHello(hello))).toEqual(hello);
});

test.each([
  ["no JSON", "{"],
  ["no object", "[1]"],
  ["nothing known", "{}"],
  ["another version", JSON.stringify({ ...fieldsOf(hello), protocolVersion: 99 })],
  ["another value format", JSON.stringify({ ...fieldsOf(hello), valueFormatVersion: 99 })],
  ["a negative index", JSON.stringify({ ...fieldsOf(hello), channels: [[0, -1, 0]] })],
  ["channels that are no list", JSON.stringify({ ...fieldsOf(hello), channels: {} })],
  ["an epoch that is no number", JSON.stringify({ ...fieldsOf(hello), leaderEpoch: "x" })],
])("a hello with %s is refused", (_what, text) => {
  const payload = new TextEncoder().encode(text);
  expect(() => parseHello(payload)).toThrow(expect.objectContaining({ code: "channel-broken" }));
});

test("attempts are ordered by leader epoch, then by number (S2)", () => {
  expect(compareRefs(attemptRef(2, 1n), attemptRef(1, 2n))).toBe(-1);
  expect(compareRefs(attemptRef(2, 2n), attemptRef(1, 2n))).toBe(1);
  expect(compareRefs(attemptRef(2, 2n), attemptRef(2, 2n))).toBe(0);
});

function fieldsOf(value: Hello): object {
  return JSON.parse(new TextDecoder().decode(encodeHello(value))) as object;
}
