/**
 * Reads a checkpoint back as far as bytes go: its manifest, each segment, each block that restoring
 * needs, decoded by the code that restores. It starts nothing, changes nothing, and finds all that is
 * wrong, not only the first (D3, S4, F13).
 *
 * I1 Memory holds one block at a time, however large the state is.
 * I2 What several checkpoints share is read once by one verifier.
 */
import {
  parseManifest,
  selectBlocks,
  type BlockChain,
  type CommittedCheckpoint,
  type Manifest,
  type ManifestSegment,
} from "@millrace/checkpoint";
import { StreamError, type Compressor, type Digest, type StreamErrorCode } from "@millrace/core";
import type { CheckpointProblem, VerifiedCheckpoint } from "@millrace/rpc";
import {
  decodeListBlock,
  createHeapBackend,
  parseFooter,
  type SegmentBlock,
} from "@millrace/state";
import type { ObjectRange, ObjectStore } from "@millrace/storage";

import { findChainGaps } from "./find-chain-gaps.ts";

export interface VerifyPorts {
  readonly objects: ObjectStore;
  readonly digest: Digest;
  readonly compressor: Compressor;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

/** Returns what reading a checkpoint back shows; throws only what says nothing about it. */
export interface CheckpointVerifier {
  verify(checkpoint: CommittedCheckpoint): Promise<VerifiedCheckpoint>;
}

export function createCheckpointVerifier(ports: VerifyPorts): CheckpointVerifier {
  const segments = new Map<string, Promise<ReadSegment>>();
  const blocks = new Map<SegmentBlock, Promise<ReadBlock>>();
  const readSegment = (segment: ManifestSegment): Promise<ReadSegment> => {
    const key = `${segment.name} ${segment.lengthBytes} ${segment.footerSha256}`;
    return remember(segments, key, () => openSegment(ports, segment));
  };
  return {
    async verify(checkpoint) {
      const { checkpointId, kind, manifestName } = checkpoint;
      const { manifest, readBytes, problem } = await openManifest(ports, checkpoint);
      const tally = new Tally({ checkpointId, kind, objectCount: 1 });
      tally.add({ readBytes, problems: problem === undefined ? [] : [problem] });
      if (manifest === undefined) return tally.result();
      tally.addProblems(findChainGaps(manifest).map((message) => corrupt(manifestName, message)));
      for (const segment of manifest.segments) tally.addSegment(await readSegment(segment));
      for (const chain of manifest.chains) {
        const found = await blocksOfChain(manifest, chain, readSegment);
        tally.addProblems(found.problems);
        for (const { segment, block } of found.blocks) {
          ports.signal?.throwIfAborted();
          const read = () => openBlock(ports, segment, { block, manifest });
          tally.addBlock(block, await remember(blocks, block, read));
        }
      }
      return tally.result();
    },
  };
}

function remember<Key, Value>(
  known: Map<Key, Promise<Value>>,
  key: Key,
  read: () => Promise<Value>,
): Promise<Value> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const reading = read();
  known.set(key, reading);
  return reading;
}

interface Read {
  readonly readBytes: number;
  readonly problems: readonly CheckpointProblem[];
}

interface ReadSegment extends Read {
  /** Empty if the footer cannot be read. */
  readonly blocks: readonly SegmentBlock[];
}

interface ReadBlock extends Read {
  readonly entryCount: number;
}

/** What a checkpoint comes to; a block that several of its chains need counts once. */
class Tally {
  readonly #header: Pick<VerifiedCheckpoint, "checkpointId" | "kind">;
  readonly #blocks = new Set<SegmentBlock>();
  readonly #problems: CheckpointProblem[] = [];
  #objectCount: number;
  #readBytes = 0;
  #entryCount = 0;

  constructor(header: Pick<VerifiedCheckpoint, "checkpointId" | "kind" | "objectCount">) {
    this.#header = { checkpointId: header.checkpointId, kind: header.kind };
    this.#objectCount = header.objectCount;
  }

  add({ readBytes, problems }: Read): void {
    this.#readBytes += readBytes;
    this.addProblems(problems);
  }

  addProblems(problems: readonly CheckpointProblem[]): void {
    this.#problems.push(...problems);
  }

  addSegment(segment: ReadSegment): void {
    this.#objectCount += 1;
    this.add(segment);
  }

  addBlock(block: SegmentBlock, read: ReadBlock): void {
    if (this.#blocks.has(block)) return;
    this.#blocks.add(block);
    this.#entryCount += read.entryCount;
    this.add(read);
  }

  result(): VerifiedCheckpoint {
    return {
      ...this.#header,
      objectCount: this.#objectCount,
      blockCount: this.#blocks.size,
      readBytes: this.#readBytes,
      entryCount: this.#entryCount,
      problems: this.#problems,
    };
  }
}

async function openManifest(
  { objects, digest }: VerifyPorts,
  { manifestName, manifestSha256 }: CommittedCheckpoint,
): Promise<{
  readonly manifest?: Manifest;
  readonly readBytes: number;
  readonly problem?: CheckpointProblem;
}> {
  const bytes = await readIfThere(objects, manifestName);
  if (bytes === undefined) {
    const message = "the manifest is not in the object store";
    return { readBytes: 0, problem: problemOf(manifestName, "manifest-corrupt", message) };
  }
  const readBytes = bytes.length;
  const sha256 = digest.sha256(bytes);
  if (sha256 !== manifestSha256) {
    const message = `the manifest has SHA-256 ${sha256}, the metadata say ${manifestSha256}`;
    return { readBytes, problem: problemOf(manifestName, "manifest-corrupt", message) };
  }
  try {
    return { manifest: parseManifest(manifestName, bytes), readBytes };
  } catch (caught) {
    const { message } = StreamError.from(caught);
    return { readBytes, problem: problemOf(manifestName, "manifest-corrupt", message) };
  }
}

async function openSegment(ports: VerifyPorts, segment: ManifestSegment): Promise<ReadSegment> {
  const { name, lengthBytes, footerLength, footerSha256 } = segment;
  const sizeBytes = await ports.objects.stat(name);
  if (sizeBytes === undefined) {
    return { readBytes: 0, blocks: [], problems: [missing(name)] };
  }
  if (sizeBytes !== lengthBytes) {
    const message = `it has ${sizeBytes} bytes, the manifest says ${lengthBytes}`;
    return { readBytes: 0, blocks: [], problems: [corrupt(name, message)] };
  }
  const range = { offset: lengthBytes - footerLength, length: footerLength };
  const read = await readHashed(ports, { name, range, sha256: footerSha256, what: "its footer" });
  if (read.bytes === undefined) return { ...read, blocks: [] };
  try {
    const { blocks, compressor } = parseFooter(read.bytes);
    const own = ports.compressor.name;
    if (compressor === own) return { ...read, blocks };
    const message = `it is compressed with ${compressor}, this version reads ${own}`;
    return { ...read, blocks: [], problems: [problemOf(name, "state-incompatible", message)] };
  } catch (caught) {
    const message = `its footer cannot be read: ${StreamError.from(caught).message}`;
    return { ...read, blocks: [], problems: [corrupt(name, message)] };
  }
}

/** Returns the blocks that restoring a chain needs, and where it has none although it must. */
async function blocksOfChain(
  manifest: Manifest,
  chain: BlockChain,
  readSegment: (segment: ManifestSegment) => Promise<ReadSegment>,
): Promise<{
  readonly blocks: readonly { readonly segment: ManifestSegment; readonly block: SegmentBlock }[];
  readonly problems: readonly CheckpointProblem[];
}> {
  const found: { readonly segment: ManifestSegment; readonly block: SegmentBlock }[] = [];
  const problems: CheckpointProblem[] = [];
  for (const [place, index] of chain.segments.entries()) {
    const segment = manifest.segments[index];
    if (segment === undefined) continue;
    const { blocks: footer, problems: broken } = await readSegment(segment);
    // A footer that cannot be read has been told already.
    if (broken.length > 0) continue;
    const blocks = selectBlocks(footer, { ...chain, segment: index });
    const isBase = chain.kind === "list" || place === 0;
    const gap = findGap(chain, isBase, blocks);
    if (gap !== undefined) problems.push(corrupt(segment.name, gap));
    for (const block of blocks) found.push({ segment, block });
  }
  return { blocks: found, problems };
}

/** The first segment of a keyed chain holds a base for each of its key groups, a later one something. */
function findGap(
  chain: BlockChain,
  isBase: boolean,
  blocks: readonly SegmentBlock[],
): string | undefined {
  const { operator, kind, groupStart, groupEnd } = chain;
  const what = `the ${kind} state of operator ${operator}, key groups ${groupStart}..${groupEnd}`;
  if (blocks.length === 0) return `it has no block of ${what}, which the manifest names it for`;
  if (!isBase || kind === "list") return undefined;
  const bases = blocks.filter(({ role }) => role === "base");
  for (let group = groupStart; group <= groupEnd; group += 1) {
    const isCovered = bases.some((base) => base.groupStart <= group && base.groupEnd >= group);
    if (!isCovered) return `it has no base of key group ${group} for ${what}`;
  }
  return undefined;
}

async function openBlock(
  ports: VerifyPorts,
  { name }: ManifestSegment,
  { block, manifest }: { readonly block: SegmentBlock; readonly manifest: Manifest },
): Promise<ReadBlock> {
  const { operator, kind, groupStart, groupEnd, offset, length, sha256, rawLength } = block;
  const what = `the ${kind} state of operator ${operator}, key groups ${groupStart}..${groupEnd},`;
  const read = await readHashed(ports, { name, range: { offset, length }, sha256, what });
  if (read.bytes === undefined) return { ...read, entryCount: 0 };
  try {
    const bytes = await ports.compressor.decompress(read.bytes, rawLength);
    return { ...read, entryCount: decode(block, bytes, manifest.maxParallelism) };
  } catch (caught) {
    const message = `${what} cannot be decoded: ${StreamError.from(caught).message}`;
    return { ...read, entryCount: 0, problems: [corrupt(name, message)] };
  }
}

/** Returns how many entries the block holds, read by what restores it. */
function decode(block: SegmentBlock, bytes: Uint8Array, maxParallelism: number): number {
  const { operator, kind, role, groupStart, groupEnd, cellCount } = block;
  const state = { operator, kind, role, groupStart, groupEnd, cellCount, bytes };
  if (kind === "list") return decodeListBlock(state).length;
  const groups = { start: groupStart, end: groupEnd };
  createHeapBackend({ operatorName: operator, groups, maxParallelism }).restoreBlock(state);
  return cellCount;
}

async function readHashed(
  { objects, digest }: VerifyPorts,
  read: {
    readonly name: string;
    readonly range: ObjectRange;
    readonly sha256: string;
    readonly what: string;
  },
): Promise<Read & { readonly bytes?: Uint8Array }> {
  const { name, range, what } = read;
  const bytes = await readIfThere(objects, name, range);
  if (bytes === undefined) return { readBytes: 0, problems: [missing(name)] };
  const sha256 = digest.sha256(bytes);
  if (sha256 === read.sha256) return { readBytes: bytes.length, problems: [], bytes };
  const message = `${what} has SHA-256 ${sha256} instead of ${read.sha256}`;
  return { readBytes: bytes.length, problems: [corrupt(name, message)] };
}

/** What the store finds damaged by itself has no bytes to hash. */
async function readIfThere(
  objects: ObjectStore,
  name: string,
  range?: ObjectRange,
): Promise<Uint8Array | undefined> {
  try {
    return await objects.get(name, range);
  } catch (caught) {
    if (StreamError.is(caught, "not-found")) return undefined;
    if (StreamError.is(caught, "object-corrupt")) return new Uint8Array(0);
    throw caught;
  }
}

function missing(name: string): CheckpointProblem {
  return problemOf(name, "segment-missing", "it is not in the object store");
}

function corrupt(name: string, message: string): CheckpointProblem {
  return problemOf(name, "segment-corrupt", message);
}

function problemOf(objectName: string, code: StreamErrorCode, message: string): CheckpointProblem {
  return { objectName, code, message };
}
