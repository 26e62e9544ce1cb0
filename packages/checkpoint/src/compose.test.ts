import {
  InvariantError,
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseVertexId,
  subtaskIdOf,
  type SubtaskId,
} from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { composeManifest, type ComposeFacts } from "./compose.ts";
import type { BlockSummary, Manifest, WorkerCut } from "./manifest.ts";

const maxParallelism = 12;
const vertex = parseVertexId("counts");

function subtasks(parallelism: number): readonly SubtaskId[] {
  return Array.from({ length: parallelism }, (_, index) => subtaskIdOf(vertex, index));
}

function facts(id: bigint, over: Partial<ComposeFacts> = {}): ComposeFacts {
  return {
    clusterId: "cluster",
    jobId: parseJobId("job-1"),
    checkpointId: parseCheckpointId(id),
    kind: "checkpoint",
    leaderEpoch: parseLeaderEpoch(1n),
    attempt: parseAttempt(1),
    metadataRevision: 1n,
    planSha256: "0".repeat(64),
    bundleSha256: "0".repeat(64),
    maxParallelism,
    triggeredAtMs: 0,
    completedAtMs: 0,
    keyedOperators: ["sum"],
    subtaskIds: subtasks(1),
    splitPools: [],
    ...over,
  };
}

interface CutParts {
  readonly id: bigint;
  readonly worker: string;
  readonly blocks: readonly BlockSummary[];
  readonly subtaskIds?: readonly SubtaskId[];
}

function cut({ id, worker, blocks, subtaskIds = subtasks(1) }: CutParts): WorkerCut {
  return {
    segment: {
      name: `${id}-${worker}`,
      lengthBytes: 10,
      footerLength: 1,
      footerSha256: "0".repeat(64),
      ownerCheckpointId: parseCheckpointId(id),
    },
    blocks,
    subtasks: subtaskIds.map((subtaskId) => ({
      subtaskId,
      parallelism: 1,
      watermarkMs: 0,
      isDrained: false,
    })),
  };
}

function keyed(role: "base" | "delta", groupStart: number, groupEnd: number): BlockSummary {
  return { operator: "sum", kind: "keyed", role, groupStart, groupEnd, rawBytes: 1 };
}

const list: BlockSummary = {
  operator: "lines",
  kind: "list",
  role: "base",
  groupStart: 0,
  groupEnd: 0,
  rawBytes: 1,
};

/** What the chains say of one group: the names of its segments. */
function groupChain(manifest: Manifest, group: number): readonly string[] {
  return manifest.chains
    .filter(({ kind, groupStart, groupEnd }) => {
      return kind === "keyed" && groupStart <= group && group <= groupEnd;
    })
    .flatMap(({ segments }) => segments.map((index) => manifest.segments[index]?.name ?? "?"));
}

const first = composeManifest(facts(1n), undefined, [
  cut({ id: 1n, worker: "a", blocks: [keyed("base", 0, 11), list] }),
]);

test("a delta extends the chains of its groups only, and splits the range", () => {
  const second = composeManifest(facts(2n, { base: parseCheckpointId(1n) }), first, [
    cut({ id: 2n, worker: "a", blocks: [keyed("delta", 4, 5), list] }),
  ]);
  expect(second).toMatchObject({ parent: 1n, base: 1n });
  expect(second.chains.filter(({ kind }) => kind === "keyed")).toEqual([
    { operator: "sum", kind: "keyed", groupStart: 0, groupEnd: 3, segments: [0] },
    { operator: "sum", kind: "keyed", groupStart: 4, groupEnd: 5, segments: [0, 1] },
    { operator: "sum", kind: "keyed", groupStart: 6, groupEnd: 11, segments: [0] },
  ]);
});

test("a list chain is replaced each time, and a segment that nothing references goes", () => {
  const second = composeManifest(facts(2n), first, [
    cut({ id: 2n, worker: "a", blocks: [keyed("base", 0, 11), list] }),
  ]);
  expect(second.segments.map(({ name }) => name)).toEqual(["2-a"]);
  expect(second.chains).toHaveLength(2);
  expect(second.parent).toBe(1n);
});

test.each<readonly [string, ComposeFacts, Manifest | undefined, readonly BlockSummary[]]>([
  ["without a base before it", facts(1n), undefined, [keyed("delta", 0, 11)]],
  ["key group 11 has no base", facts(1n), undefined, [keyed("base", 0, 10)]],
  ["not a range", facts(1n), undefined, [keyed("base", 0, 12)]],
  ["the head is 1", facts(3n, { base: parseCheckpointId(2n) }), first, [keyed("base", 0, 11)]],
  ["not newer than the head", facts(1n), first, [keyed("base", 0, 11)]],
  ["misses subtask", facts(2n, { subtaskIds: subtasks(2) }), first, [keyed("base", 0, 11)]],
])("what does not fit is a bug of ours: %s", (text, composeFacts, previous, blocks) => {
  const { checkpointId: id } = composeFacts;
  const compose = (): Manifest =>
    composeManifest(composeFacts, previous, [cut({ id, worker: "a", blocks })]);
  expect(compose).toThrow(InvariantError);
  expect(compose).toThrow(text);
});

test("a group with blocks of two workers has two owners: refused (S9)", () => {
  const cuts = ["a", "b"].map((worker, index) =>
    cut({
      id: 1n,
      worker,
      blocks: [keyed("base", 0, 11)],
      subtaskIds: [subtaskIdOf(vertex, index)],
    }),
  );
  expect(() => composeManifest(facts(1n, { subtaskIds: subtasks(2) }), undefined, cuts)).toThrow(
    "two owners",
  );
});

test("a segment of another checkpoint cannot come in through a cut (S4b)", () => {
  const old = cut({ id: 1n, worker: "a", blocks: [keyed("base", 0, 11)] });
  expect(() => composeManifest(facts(2n), first, [old])).toThrow("first to reference");
});

/** A step: how many workers share the groups, and what each does with each of its runs of groups. */
const step = fc.record({
  isFull: fc.boolean(),
  workerCount: fc.integer({ min: 1, max: 4 }),
  roles: fc.array(fc.constantFrom("base", "delta", "none"), {
    minLength: maxParallelism,
    maxLength: maxParallelism,
  }),
});

test("chains are those of a model that keeps a list of segments per key group", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      let previous: Manifest | undefined;
      let model: readonly (readonly string[])[] = Array.from({ length: maxParallelism }, () => []);
      for (const [index, { isFull, workerCount, roles }] of steps.entries()) {
        const id = BigInt(index + 1);
        const mustBeFull = isFull || previous === undefined;
        const ownerOf = (group: number): number =>
          Math.floor((group * workerCount) / maxParallelism);
        const roleOf = (group: number): "base" | "delta" | "none" =>
          mustBeFull ? "base" : (roles[group] ?? "none");
        const blocks = Array.from({ length: workerCount }, (): BlockSummary[] => []);
        for (let group = 0; group < maxParallelism; group += 1) {
          const role = roleOf(group);
          if (role !== "none") blocks[ownerOf(group)]?.push(keyed(role, group, group));
        }
        const ids = subtasks(workerCount);
        const cuts = blocks.map((own, worker) =>
          cut({ id, worker: `w${worker}`, blocks: own, subtaskIds: ids.slice(worker, worker + 1) }),
        );
        const base = mustBeFull ? {} : { base: previous?.checkpointId };
        const manifest = composeManifest(
          facts(id, { subtaskIds: ids, ...(base as Partial<ComposeFacts>) }),
          previous,
          cuts,
        );
        model = model.map((chain, group) => {
          const name = `${id}-w${ownerOf(group)}`;
          const role = roleOf(group);
          if (role === "none") return chain;
          return role === "base" ? [name] : [...chain, name];
        });
        expect(model.map((_, group) => groupChain(manifest, group))).toEqual(model);
        const used = new Set(model.flat());
        expect(new Set(manifest.segments.map(({ name }) => name))).toEqual(used);
        previous = manifest;
      }
    }),
  );
});
