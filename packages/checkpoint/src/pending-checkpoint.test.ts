import {
  parseCheckpointId,
  parseVertexId,
  parseWorkerId,
  subtaskIdOf,
  type SubtaskId,
} from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import type { WorkerCut } from "./manifest.ts";
import {
  abortPending,
  acknowledge,
  createPendingCheckpoint,
  missingSubtasks,
  orderedCuts,
  type PendingCheckpoint,
} from "./pending-checkpoint.ts";

const vertex = parseVertexId("v");
const a = parseWorkerId("a");
const b = parseWorkerId("b");
const stranger = parseWorkerId("c");
const [s0, s1, s2] = [subtaskIdOf(vertex, 0), subtaskIdOf(vertex, 1), subtaskIdOf(vertex, 2)];

function create(): PendingCheckpoint {
  return createPendingCheckpoint({
    checkpointId: parseCheckpointId(1n),
    kind: "checkpoint",
    triggeredAtMs: 0,
    splitPools: [],
    expected: new Map([
      [s0, a],
      [s1, b],
      [s2, a],
    ]),
  });
}

function cutOf(...ids: readonly SubtaskId[]): WorkerCut {
  return {
    blocks: [],
    subtasks: ids.map((subtaskId) => ({
      subtaskId,
      parallelism: 1,
      watermarkMs: 0,
      isDrained: false,
    })),
  };
}

test("it is complete with the last worker's ack, and a repeat is a duplicate", () => {
  const one = acknowledge(create(), b, cutOf(s1));
  expect(one.result).toBe("accepted");
  expect(missingSubtasks(one.pending)).toEqual([s0, s2]);
  const two = acknowledge(one.pending, a, cutOf(s0, s2));
  expect(two.result).toBe("complete");
  expect(acknowledge(two.pending, a, cutOf(s0, s2)).result).toBe("duplicate");
  expect(orderedCuts(two.pending)).toEqual([cutOf(s0, s2), cutOf(s1)]);
});

test.each([
  ["a worker that runs nothing of it", stranger, cutOf(s1)],
  ["another worker's subtask", a, cutOf(s1)],
  ["not all of its subtasks", a, cutOf(s0)],
  ["a subtask twice", a, cutOf(s0, s0)],
  ["a worker without subtasks", stranger, cutOf()],
])("an ack of %s is unknown and changes nothing", (_name, workerId, cut) => {
  const pending = create();
  expect(acknowledge(pending, workerId, cut)).toEqual({ result: "unknown", pending });
});

test("after an abort an ack is late; a complete one cannot be aborted (S3)", () => {
  const aborted = abortPending(create());
  expect(acknowledge(aborted, b, cutOf(s1)).result).toBe("late");
  const one = acknowledge(create(), b, cutOf(s1)).pending;
  const complete = acknowledge(one, a, cutOf(s0, s2)).pending;
  expect(abortPending(complete)).toBe(complete);
});

test("in whatever order acks come, exactly one completes it, and only with all of them", () => {
  const acks = [
    [a, cutOf(s0, s2)],
    [b, cutOf(s1)],
    [stranger, cutOf(s1)],
    [b, cutOf(s0)],
  ] as const;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...acks), { maxLength: 30, size: "max" }), (sequence) => {
      let pending = create();
      let completions = 0;
      for (const [workerId, cut] of sequence) {
        const next = acknowledge(pending, workerId, cut);
        pending = next.pending;
        if (next.result === "complete") completions += 1;
      }
      const isAll = sequence.includes(acks[0]) && sequence.includes(acks[1]);
      expect(completions).toBe(isAll ? 1 : 0);
      expect(missingSubtasks(pending).length === 0).toBe(isAll);
    }),
  );
});
