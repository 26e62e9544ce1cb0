import { expect, test } from "vitest";

import { FrameMemory } from "./frame-memory.ts";

test("memory is lent again once it was given back, and only then", () => {
  const memory = new FrameMemory();
  const first = memory.take(30_000);
  const second = memory.take(30_000);
  expect(first.length).toBe(30_000);
  expect(second.buffer).not.toBe(first.buffer);
  memory.release(first.subarray(16));
  memory.release(first);
  const third = memory.take(20_000);
  expect(third.buffer).toBe(first.buffer);
  expect(memory.take(20_000).buffer).not.toBe(first.buffer);
});

test("memory of others is left alone", () => {
  const memory = new FrameMemory();
  const chunk = new Uint8Array(64 * 1024);
  memory.release(chunk);
  expect(memory.take(chunk.length).buffer).not.toBe(chunk.buffer);
  for (const sizeBytes of [0, 1, 100, 1_000_000]) {
    const bytes = memory.take(sizeBytes);
    expect(bytes.length).toBe(sizeBytes);
    memory.release(bytes);
  }
});

test("what is kept is bounded (S15)", () => {
  const memory = new FrameMemory();
  const lent = Array.from({ length: 100 }, () => memory.take(512 * 1024));
  for (const bytes of lent) memory.release(bytes);
  const known = new Set(lent.map(({ buffer }) => buffer));
  const again = Array.from({ length: 100 }, () => memory.take(512 * 1024));
  expect(again.filter(({ buffer }) => known.has(buffer))).toHaveLength(8);
});
