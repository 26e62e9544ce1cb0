import { expect, test } from "vitest";

import { checkpoint, refOf } from "../test-kit/worker-world.ts";
import { AckOutbox, type AckMessage } from "./ack-outbox.ts";
import { EarlyMessages } from "./early-messages.ts";
import { EpochGate } from "./epoch-gate.ts";

test("a leader epoch outweighs an attempt, and what is known only rises (S2)", () => {
  const gate = new EpochGate();
  expect(gate.judge(refOf(1))).toBe("newer");
  gate.raise(refOf(3, 7n));
  gate.raise(refOf(2, 7n));
  expect(gate.judge(refOf(3, 7n))).toBe("current");
  expect(gate.judge(refOf(2, 7n))).toBe("stale");
  expect(gate.judge(refOf(4, 7n))).toBe("newer");
  expect(gate.judge(refOf(9, 6n))).toBe("stale");
  expect(gate.judge(refOf(1, 8n))).toBe("newer");
});

test("early messages are held up to a limit, and forgotten with their attempt (S15)", () => {
  const early = new EarlyMessages();
  expect(early.add({ kind: "start", ref: refOf(2) })).toBe(true);
  for (let count = 0; count < 255; count += 1) early.add({ kind: "start", ref: refOf(5) });
  expect(early.add({ kind: "start", ref: refOf(2) })).toBe(false);
  expect(early.take(refOf(3))).toEqual([]);
  expect(early.take(refOf(2))).toEqual([]);
  expect(early.take(refOf(5)).length).toBe(255);
});

test("acks stay until their checkpoint is settled, at most sixteen", () => {
  const outbox = new AckOutbox();
  const ack = (id: number): AckMessage => ({
    kind: "ack",
    ref: refOf(),
    checkpointId: checkpoint(id),
    cut: { blocks: [], subtasks: [] },
    timings: { alignmentMs: 0, snapshotMs: 0, uploadMs: 0 },
  });
  for (let id = 1; id <= 20; id += 1) outbox.add(ack(id));
  expect(outbox.pending().length).toBe(16);
  outbox.onCompleted(checkpoint(17));
  outbox.onAborted(checkpoint(19));
  expect(outbox.pending().map(({ checkpointId }) => checkpointId)).toEqual([18n, 20n]);
});
