import { parseCheckpointId, parseVertexId, subtaskIdOf } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { encodeManifest, parseManifest } from "./manifest-codec.ts";
import type { Manifest } from "./manifest.ts";
import { manifestOf } from "./test-manifest.ts";

const vertex = parseVertexId("lines");

function manifestWith(over: Partial<Manifest> = {}): Manifest {
  return manifestOf({
    checkpointId: parseCheckpointId(2n ** 60n),
    kind: "final",
    metadataRevision: 2n ** 62n,
    parent: parseCheckpointId(1n),
    triggeredAtMs: 1.5,
    segments: [
      {
        name: "jobs/job-1/2/7/w1-x.segment",
        lengthBytes: 100,
        footerLength: 10,
        footerSha256: "c".repeat(64),
        ownerCheckpointId: parseCheckpointId(7n),
      },
    ],
    chains: [{ operator: "sum", kind: "keyed", groupStart: 0, groupEnd: 127, segments: [0] }],
    subtasks: [
      {
        subtaskId: subtaskIdOf(vertex, 0),
        parallelism: 1,
        watermarkMs: -Infinity,
        isDrained: false,
      },
    ],
    splitPools: [{ vertexId: vertex, isDiscovered: true, splits: [{ id: "s", descriptor: [1] }] }],
    ...over,
  });
}

function reencode(manifest: Manifest): Manifest {
  return parseManifest("m", encodeManifest(manifest));
}

test("what was written is read back, ids beyond 2^53 and infinite watermarks included (D4)", () => {
  const anyDouble = fc.double({ noNaN: true }).map((value) => value + 0);
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 2n ** 63n }),
      anyDouble,
      fc.jsonValue(),
      (id, watermarkMs, descriptor) => {
        const plain: unknown = JSON.parse(JSON.stringify(descriptor));
        const manifest = manifestWith({
          checkpointId: parseCheckpointId(id),
          subtasks: [
            { subtaskId: subtaskIdOf(vertex, 1), parallelism: 2, watermarkMs, isDrained: true },
          ],
          splitPools: [
            {
              vertexId: vertex,
              isDiscovered: false,
              splits: [{ id: "s", descriptor: plain as never, lowerBoundMs: -5 }],
            },
          ],
        });
        expect(reencode(manifest)).toEqual(manifest);
      },
    ),
  );
});

test("a split's descriptor keeps every field, whatever its name", () => {
  const descriptor = JSON.parse('{"__proto__":{"a":1},"constructor":2,"b":[null]}') as never;
  const splits = [{ id: "s", descriptor }];
  const manifest = manifestWith({ splitPools: [{ vertexId: vertex, isDiscovered: true, splits }] });
  const text = JSON.stringify(reencode(manifest).splitPools[0]?.splits[0]?.descriptor);
  expect(text).toBe('{"__proto__":{"a":1},"constructor":2,"b":[null]}');
});

test.each([Infinity, -Infinity])("a watermark of %s survives", (watermarkMs) => {
  const [subtask] = manifestWith().subtasks;
  if (subtask === undefined) throw new Error("no subtask");
  const manifest = manifestWith({ subtasks: [{ ...subtask, watermarkMs }] });
  expect(reencode(manifest)).toEqual(manifest);
});

test("an infinite lower bound says no more than none", () => {
  const splits = [{ id: "s", descriptor: null, lowerBoundMs: -Infinity }];
  const manifest = manifestWith({ splitPools: [{ vertexId: vertex, isDiscovered: true, splits }] });
  expect(reencode(manifest).splitPools[0]?.splits).toEqual([{ id: "s", descriptor: null }]);
});

test("the splits that a source has discovered so far come back", () => {
  const pool = { vertexId: vertex, isDiscovered: true, splits: [], known: ["a", "b"] };
  expect(reencode(manifestWith({ splitPools: [pool] })).splitPools).toEqual([pool]);
});

test.each([
  ["not JSON", "{"],
  ["a field is missing", "{}"],
  ["a version that is not known", JSON.stringify({ ...parsed(), formatVersion: 2 })],
  ["a chain without its segment", JSON.stringify({ ...parsed(), segments: [] })],
  ["a chain outside of the key groups", JSON.stringify({ ...parsed(), maxParallelism: 4 })],
  ["an id of zero", JSON.stringify({ ...parsed(), checkpointId: "0" })],
])("bytes that are no manifest are manifest-corrupt, naming the object: %s", (_name, text) => {
  expect(() => parseManifest("jobs/x/manifest", new TextEncoder().encode(text))).toThrow(
    expect.objectContaining({
      code: "manifest-corrupt",
      message: expect.stringContaining("jobs/x/manifest"),
    }),
  );
});

function parsed(): Record<string, unknown> {
  const value: Record<string, unknown> = JSON.parse(
    new TextDecoder().decode(encodeManifest(manifestWith())),
  );
  return value;
}
