import type { LogLine } from "@millrace/rpc";
import { expect, test } from "vitest";

import { VirtualTime } from "../test-kit/virtual-time.ts";
import { LogBuffer } from "./log-buffer.ts";

function line(text: string): LogLine {
  return { atMs: 0, level: "info", source: "", text };
}

test("keeps the newest lines, and their numbers stay right", () => {
  const logs = new LogBuffer(3);
  for (let number = 1; number <= 10; number += 1) logs.append([line(String(number))]);
  expect(logs.read(0)).toEqual({ lines: [line("8"), line("9"), line("10")], lastSequence: 10 });
  expect(logs.read(9)).toEqual({ lines: [line("10")], lastSequence: 10 });
  expect(logs.read(10)).toEqual({ lines: [], lastSequence: 10 });
});

test("a page holds a thousand lines, the rest follows", () => {
  const logs = new LogBuffer(5_000);
  logs.append(Array.from({ length: 2_500 }, (_, index) => line(String(index + 1))));
  const first = logs.read(0);
  expect(first.lastSequence).toBe(1_000);
  expect(logs.read(2_000).lines).toHaveLength(500);
  expect(logs.read(first.lastSequence).lines[0]).toEqual(line("1001"));
});

test("a number from before a restart of the coordinator begins anew", () => {
  const logs = new LogBuffer(10);
  logs.append([line("first after the restart")]);
  expect(logs.read(500).lines).toHaveLength(1);
});

test("waiting ends with a line or with the time", async () => {
  const time = new VirtualTime();
  const logs = new LogBuffer(10);
  const early = logs.waitForLines(time, 1_000);
  logs.append([line("x")]);
  await early;
  expect(time.pendingCount()).toBe(0);
  const late = logs.waitForLines(time, 1_000);
  await time.advance(1_000);
  await late;
});
