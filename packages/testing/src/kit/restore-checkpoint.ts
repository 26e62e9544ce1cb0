import {
  parseManifest,
  resolveRestore,
  selectBlocks,
  type CommittedCheckpoint,
  type Manifest,
  type ManifestSegment,
} from "@millrace/checkpoint";
import { parseSubtaskId, type Compressor, type Digest } from "@millrace/core";
import {
  createHeapBackend,
  parseFooter,
  type KeyedBackend,
  type SegmentBlock,
} from "@millrace/state";
import type { ObjectStore } from "@millrace/storage";

/** What a checkpoint gave when all of it was read back. */
export interface RestoredCheckpoint {
  readonly checkpointId: string;
  /** The names of its objects: the manifest and the segments. */
  readonly objects: readonly string[];
  readonly stateBytes: number;
  readonly cellCount: number;
  readonly listEntryCount: number;
}

/** Where the checkpoint lies, and what its bytes were written with. */
export interface RestoreSource {
  readonly objects: ObjectStore;
  readonly digest: Digest;
  readonly compressor: Pick<Compressor, "name" | "decompress">;
}

/**
 * Restores a checkpoint into one subtask that owns all key groups, as a new cluster would that knows
 * its pointer only: reads every object that it names, checks lengths and hashes, decompresses and
 * decodes. Throws at the first thing that is wrong (D3, S4).
 */
export async function restoreCheckpoint(
  source: RestoreSource,
  checkpoint: CommittedCheckpoint,
): Promise<RestoredCheckpoint> {
  const { manifestName, manifestSha256, checkpointId } = checkpoint;
  const manifest = parseManifest(
    manifestName,
    await readHashed(source, { name: manifestName, sha256: manifestSha256 }),
  );
  const footers = new Map<number, readonly SegmentBlock[]>();
  for (const [index, segment] of manifest.segments.entries()) {
    footers.set(index, await readFooter(source, segment));
  }
  const state = new WholeState(manifest.maxParallelism);
  for (const { segment, block } of blocksOf(manifest, footers)) {
    state.restore(block, await readBlock(source, segment.name, block));
  }
  return {
    checkpointId: String(checkpointId),
    objects: [manifestName, ...manifest.segments.map(({ name }) => name)],
    ...state.finish(checkpoint),
  };
}

/** The blocks that restoring needs, in the order in which they are restored. */
function blocksOf(
  manifest: Manifest,
  footers: ReadonlyMap<number, readonly SegmentBlock[]>,
): readonly { readonly segment: ManifestSegment; readonly block: SegmentBlock }[] {
  const { ranges } = resolveRestore(manifest, {
    subtaskId: parseSubtaskId("everything/0").subtaskId,
    parallelism: 1,
    operators: manifest.chains.map(({ operator }) => operator),
    groupStart: 0,
    groupEnd: manifest.maxParallelism - 1,
  });
  const found = new Map<SegmentBlock, ManifestSegment>();
  for (const range of ranges) {
    const segment = manifest.segments[range.segment];
    if (segment === undefined) throw new Error(`segment ${range.segment} is not listed`);
    const blocks = selectBlocks(footers.get(range.segment) ?? [], range);
    if (blocks.length === 0) throw new Error(`${segment.name} has no block for ${range.operator}`);
    for (const block of blocks) found.set(block, segment);
  }
  return [...found].map(([block, segment]) => ({ segment, block }));
}

class WholeState {
  readonly #maxParallelism: number;
  readonly #backends = new Map<string, KeyedBackend>();
  #stateBytes = 0;
  #listEntryCount = 0;

  constructor(maxParallelism: number) {
    this.#maxParallelism = maxParallelism;
  }

  restore(block: SegmentBlock, bytes: Uint8Array): void {
    const { operator, kind, role, groupStart, groupEnd, cellCount } = block;
    this.#stateBytes += bytes.length;
    if (kind === "list") {
      this.#listEntryCount += countEntries(block, bytes);
      return;
    }
    const state = { operator, kind, role, groupStart, groupEnd, cellCount, bytes };
    this.#backendOf(operator).restoreBlock(state);
  }

  finish({ checkpointId }: CommittedCheckpoint): {
    readonly stateBytes: number;
    readonly cellCount: number;
    readonly listEntryCount: number;
  } {
    let cellCount = 0;
    for (const backend of this.#backends.values()) {
      backend.finishRestore(checkpointId);
      cellCount += backend.cellCount();
    }
    return { stateBytes: this.#stateBytes, cellCount, listEntryCount: this.#listEntryCount };
  }

  #backendOf(operatorName: string): KeyedBackend {
    const known = this.#backends.get(operatorName);
    if (known !== undefined) return known;
    const backend = createHeapBackend({
      operatorName,
      groups: { start: 0, end: this.#maxParallelism - 1 },
      maxParallelism: this.#maxParallelism,
    });
    this.#backends.set(operatorName, backend);
    return backend;
  }
}

function countEntries({ operator, cellCount }: SegmentBlock, bytes: Uint8Array): number {
  const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const entries: unknown =
    typeof json === "object" && json !== null && "entries" in json ? json.entries : undefined;
  if (Array.isArray(entries) && entries.length === cellCount) return cellCount;
  throw new Error(`the list of operator ${operator} has not ${cellCount} entries`);
}

async function readFooter(
  source: RestoreSource,
  { name, lengthBytes, footerLength, footerSha256 }: ManifestSegment,
): Promise<readonly SegmentBlock[]> {
  const sizeBytes = await source.objects.stat(name);
  if (sizeBytes === undefined) throw new Error(`object ${name} is missing`);
  if (sizeBytes !== lengthBytes) {
    throw new Error(`object ${name} has ${sizeBytes} bytes, the manifest says ${lengthBytes}`);
  }
  const range = { offset: lengthBytes - footerLength, length: footerLength };
  const footer = parseFooter(await readHashed(source, { name, range, sha256: footerSha256 }));
  if (footer.compressor === source.compressor.name) return footer.blocks;
  throw new Error(`${name} is compressed with ${footer.compressor}`);
}

async function readBlock(
  source: RestoreSource,
  name: string,
  { offset, length, sha256, rawLength }: SegmentBlock,
): Promise<Uint8Array> {
  const packed = await readHashed(source, { name, range: { offset, length }, sha256 });
  return source.compressor.decompress(packed, rawLength);
}

async function readHashed(
  { objects, digest }: RestoreSource,
  read: {
    readonly name: string;
    readonly range?: { readonly offset: number; readonly length: number };
    readonly sha256: string;
  },
): Promise<Uint8Array> {
  const bytes = await objects.get(read.name, read.range);
  const sha256 = digest.sha256(bytes);
  if (sha256 === read.sha256) return bytes;
  throw new Error(`object ${read.name} has the hash ${sha256} instead of ${read.sha256}`);
}
