import {
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseSubtaskId,
  parseVertexId,
  StreamError,
  type JsonValue,
} from "@millrace/core";
import { z } from "zod";

import type { BlockChain, Manifest, SplitPoolCut, SubtaskCut } from "./manifest.ts";

/** A manifest of more bytes is refused before it is parsed. */
export const maxManifestBytes: number = 64 * 1024 * 1024;

const maxSegments = 1_000_000;
const decimal = z.string().regex(/^\d{1,20}$/);
const checkpointIdText = decimal.transform((text) => parseCheckpointId(BigInt(text)));
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
const name = z.string().min(1).max(512);
const watermark = z.union([z.number(), z.enum(["Infinity", "-Infinity"])]);
// All that JSON.parse returns is JSON; `z.json()` would copy it, and lose fields named __proto__.
const json: z.ZodType<JsonValue> = z.custom<JsonValue>((value) => value !== undefined);

const segmentSchema = z.object({
  name,
  lengthBytes: count,
  footerLength: count,
  footerSha256: hash,
  ownerCheckpointId: checkpointIdText,
});
const chainSchema = z.object({
  operator: name,
  kind: z.enum(["keyed", "list"]),
  groupStart: count,
  groupEnd: count,
  segments: z.array(count).min(1).max(maxSegments),
});
const subtaskSchema = z.object({
  subtaskId: name,
  parallelism: count,
  watermarkMs: watermark,
  isDrained: z.boolean(),
});
const splitSchema = z.object({
  id: z.string().max(4_096),
  descriptor: json,
  lowerBoundMs: z.number().exactOptional(),
});
const poolSchema = z.object({
  vertexId: name,
  isDiscovered: z.boolean(),
  splits: z.array(splitSchema).max(1_000_000),
  known: z.array(z.string()).max(1_000_000).exactOptional(),
});
const manifestSchema = z.object({
  formatVersion: z.literal(1),
  clusterId: name,
  jobId: name,
  checkpointId: checkpointIdText,
  kind: z.enum(["checkpoint", "savepoint", "final"]),
  leaderEpoch: decimal,
  attempt: count,
  metadataRevision: decimal,
  parent: checkpointIdText.exactOptional(),
  base: checkpointIdText.exactOptional(),
  planSha256: hash,
  bundleSha256: hash,
  maxParallelism: count,
  triggeredAtMs: z.number(),
  completedAtMs: z.number(),
  segments: z.array(segmentSchema).max(maxSegments),
  chains: z.array(chainSchema).max(maxSegments),
  subtasks: z.array(subtaskSchema).max(100_000),
  splitPools: z.array(poolSchema).max(1_000),
});

type ManifestData = z.infer<typeof manifestSchema>;

/** Returns the manifest's bytes: JSON, bigint as decimal strings, infinite watermarks as strings. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const text = JSON.stringify({
    ...manifest,
    checkpointId: String(manifest.checkpointId),
    leaderEpoch: String(manifest.leaderEpoch),
    metadataRevision: String(manifest.metadataRevision),
    ...(manifest.parent === undefined ? {} : { parent: String(manifest.parent) }),
    ...(manifest.base === undefined ? {} : { base: String(manifest.base) }),
    segments: manifest.segments.map((segment) => ({
      ...segment,
      ownerCheckpointId: String(segment.ownerCheckpointId),
    })),
    subtasks: manifest.subtasks.map((cut) => ({
      ...cut,
      watermarkMs: Number.isFinite(cut.watermarkMs) ? cut.watermarkMs : String(cut.watermarkMs),
    })),
    splitPools: manifest.splitPools.map((pool) => ({
      ...pool,
      splits: pool.splits.map(dropBound),
    })),
  });
  return new TextEncoder().encode(text);
}

/** Returns the manifest; throws `manifest-corrupt` naming it if the bytes are none. */
export function parseManifest(objectName: string, bytes: Uint8Array): Manifest {
  if (bytes.length > maxManifestBytes) {
    throw corrupt(objectName, new RangeError(`${bytes.length} bytes are over the limit`));
  }
  try {
    const data = manifestSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return toManifest(data);
  } catch (cause) {
    throw corrupt(objectName, cause);
  }
}

function toManifest(data: ManifestData): Manifest {
  return {
    ...data,
    jobId: parseJobId(data.jobId),
    leaderEpoch: parseLeaderEpoch(BigInt(data.leaderEpoch)),
    attempt: parseAttempt(data.attempt),
    metadataRevision: BigInt(data.metadataRevision),
    chains: data.chains.map((chain) => toChain(chain, data)),
    subtasks: data.subtasks.map(toSubtask),
    splitPools: data.splitPools.map(toPool),
  };
}

function toChain(chain: ManifestData["chains"][number], data: ManifestData): BlockChain {
  if (chain.segments.some((index) => index >= data.segments.length)) {
    throw new RangeError(`operator ${chain.operator} refers to a segment that is not listed`);
  }
  if (chain.groupStart > chain.groupEnd || chain.groupEnd >= data.maxParallelism) {
    throw new RangeError(`operator ${chain.operator} has a chain outside of the key groups`);
  }
  return chain;
}

function toSubtask(data: ManifestData["subtasks"][number]): SubtaskCut {
  const { subtaskId } = parseSubtaskId(data.subtaskId);
  return { ...data, subtaskId, watermarkMs: Number(data.watermarkMs) };
}

function toPool(data: ManifestData["splitPools"][number]): SplitPoolCut {
  return { ...data, vertexId: parseVertexId(data.vertexId) };
}

// JSON has no infinity; an infinite lower bound says no more than an absent one.
function dropBound(split: SplitPoolCut["splits"][number]): SplitPoolCut["splits"][number] {
  const { lowerBoundMs, ...rest } = split;
  return Number.isFinite(lowerBoundMs) ? split : rest;
}

function corrupt(objectName: string, cause: unknown): StreamError {
  return new StreamError(
    "manifest-corrupt",
    `manifest ${objectName} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}; ` +
      "the job's checkpoints stay; put the object back, or run the job again to begin anew",
    { domain: "external", retry: "never", cause },
  );
}
