import { parseCheckpointId, parseVertexId, subtaskIdOf } from "@millrace/core";
import { expect, test } from "vitest";

import type { BlockChain, Manifest } from "./manifest.ts";
import { resolveRestore, selectBlocks, type RestoringSubtask } from "./resolve.ts";
import { manifestOf } from "./test-manifest.ts";

const count = parseVertexId("count");

function manifestWith(chains: readonly BlockChain[], owners: readonly bigint[]): Manifest {
  return manifestOf({
    segments: owners.map((owner, index) => ({
      name: `s${index}`,
      lengthBytes: 1,
      footerLength: 1,
      footerSha256: "",
      ownerCheckpointId: parseCheckpointId(owner),
    })),
    chains,
    subtasks: [5, 3].map((watermarkMs, index) => ({
      subtaskId: subtaskIdOf(count, index),
      parallelism: 2,
      watermarkMs,
      isDrained: false,
    })),
  });
}

function subtask(over: Partial<RestoringSubtask> = {}): RestoringSubtask {
  return {
    subtaskId: subtaskIdOf(count, 0),
    parallelism: 2,
    operators: ["count"],
    groupStart: 0,
    groupEnd: 63,
    ...over,
  };
}

const keyed = (groupStart: number, groupEnd: number, segments: readonly number[]): BlockChain => ({
  operator: "count",
  kind: "keyed",
  groupStart,
  groupEnd,
  segments,
});

test("a subtask gets the chains that overlap its key groups, cut to them", () => {
  const manifest = manifestWith([keyed(0, 31, [0, 1]), keyed(32, 127, [0])], [1n, 2n]);
  const { ranges } = resolveRestore(manifest, subtask({ groupStart: 16, groupEnd: 40 }));
  expect(ranges.map((r) => [r.segment, r.groupStart, r.groupEnd])).toEqual([
    [0, 16, 31],
    [0, 32, 40],
    [1, 16, 31],
  ]);
});

test("blocks of older checkpoints come first, whatever chain they stand in (I2)", () => {
  const manifest = manifestWith([keyed(0, 31, [2]), keyed(32, 63, [0, 1, 2])], [1n, 2n, 3n]);
  const { ranges } = resolveRestore(manifest, subtask());
  expect(ranges.map((r) => r.segment)).toEqual([0, 1, 2, 2]);
});

test("list blocks reach every subtask in the manifest's order (I3)", () => {
  const list: BlockChain = {
    operator: "count",
    kind: "list",
    groupStart: 0,
    groupEnd: 0,
    segments: [1, 0],
  };
  const manifest = manifestWith([list], [2n, 2n]);
  const { ranges } = resolveRestore(manifest, subtask({ groupStart: 64, groupEnd: 127 }));
  expect(ranges.map((r) => r.segment)).toEqual([1, 0]);
});

test("an operator of another chain is nobody's here", () => {
  const manifest = manifestWith([keyed(0, 127, [0])], [1n]);
  expect(resolveRestore(manifest, subtask({ operators: ["other"] })).ranges).toEqual([]);
});

test("the watermark is the subtask's own at the same parallelism, else the vertex's lowest (S12)", () => {
  const manifest = manifestWith([], []);
  expect(resolveRestore(manifest, subtask()).watermarkMs).toBe(5);
  expect(resolveRestore(manifest, subtask({ parallelism: 4 })).watermarkMs).toBe(3);
  const added = subtask({ subtaskId: subtaskIdOf(parseVertexId("new"), 0) });
  expect(resolveRestore(manifest, added).watermarkMs).toBe(-Infinity);
});

test("once any vertex is rescaled, splits reach other subtasks: no own watermark is restored (I4)", () => {
  const manifest = manifestWith([], []);
  expect(resolveRestore(manifest, subtask({ isRescaled: true })).watermarkMs).toBe(3);
});

test("an operator whose chain now begins elsewhere restores the lowest watermark of all (I4)", () => {
  const manifest = manifestWith([keyed(0, 127, [0])], [1n]);
  const moved = subtask({ subtaskId: subtaskIdOf(parseVertexId("before-count"), 0) });
  expect(resolveRestore(manifest, moved).watermarkMs).toBe(3);
});

test("of a footer, bases that overlap come before deltas that overlap", () => {
  const block = (role: "base" | "delta", groupStart: number, groupEnd: number) => ({
    operator: "count",
    kind: "keyed" as const,
    role,
    groupStart,
    groupEnd,
  });
  const footer = [block("delta", 0, 9), block("base", 5, 20), block("base", 21, 30)];
  const range = {
    segment: 0,
    operator: "count",
    kind: "keyed" as const,
    groupStart: 8,
    groupEnd: 12,
  };
  expect(selectBlocks(footer, range)).toEqual([block("base", 5, 20), block("delta", 0, 9)]);
});
