import {
  parseManifest,
  resolveRestore,
  selectBlocks,
  type CommittedCheckpoint,
  type Manifest,
  type ManifestSegment,
} from "@millrace/checkpoint";
import { subtaskIdOf, type Digest } from "@millrace/core";
import type { JobGraph } from "@millrace/graph";
import {
  createHeapBackend,
  parseFooter,
  type SegmentBlock,
  type StateBlock,
} from "@millrace/state";
import type { ObjectStore } from "@millrace/storage";

export interface RestoreCheck {
  readonly objects: ObjectStore;
  readonly digest: Digest;
  readonly plan: JobGraph;
}

/**
 * D3: returns how many cells and entries the checkpoint holds, each of them decoded; throws what is
 * wrong with it. As a new cluster would that restores it at parallelism 1: it knows the pointer only.
 */
export async function restoreAll(
  check: RestoreCheck,
  pointer: CommittedCheckpoint,
): Promise<number> {
  const { manifestName, manifestSha256 } = pointer;
  const manifest = parseManifest(
    manifestName,
    await readHashed(check, { name: manifestName, sha256: manifestSha256 }),
  );
  const footers = await Promise.all(manifest.segments.map((segment) => readFooter(check, segment)));
  let cellCount = 0;
  for (const vertex of check.plan.vertices) {
    const { ranges } = resolveRestore(manifest, {
      subtaskId: subtaskIdOf(vertex.id, 0),
      parallelism: 1,
      operators: vertex.operators.map(({ name }) => name),
      groupStart: 0,
      groupEnd: manifest.maxParallelism - 1,
    });
    const sources = new Map<SegmentBlock, string>();
    for (const range of ranges) {
      const { name = "" } = manifest.segments[range.segment] ?? {};
      for (const block of selectBlocks(footers[range.segment] ?? [], range)) {
        sources.set(block, name);
      }
    }
    const blocks: StateBlock[] = [];
    for (const [block, name] of sources) blocks.push(await readBlock(check, name, block));
    for (const { name } of vertex.operators) {
      const own = blocks.filter(({ operator }) => operator === name);
      cellCount += decodeAll(name, manifest, own);
    }
  }
  return cellCount;
}

/** The real state code takes the blocks in; list blocks are JSON. */
function decodeAll(operator: string, manifest: Manifest, blocks: readonly StateBlock[]): number {
  const { maxParallelism, checkpointId } = manifest;
  const groups = { start: 0, end: maxParallelism - 1 };
  const backend = createHeapBackend({ operatorName: operator, groups, maxParallelism });
  let entryCount = 0;
  for (const block of blocks) {
    if (block.kind === "keyed") backend.restoreBlock(block);
    else entryCount += countEntries(block);
  }
  backend.finishRestore(checkpointId);
  return entryCount + backend.cellCount();
}

function countEntries({ bytes, cellCount, operator }: StateBlock): number {
  const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const isList = typeof parsed === "object" && parsed !== null && "entries" in parsed;
  if (!isList || !Array.isArray(parsed.entries) || parsed.entries.length !== cellCount) {
    throw new Error(`the list of operator ${operator} has not ${cellCount} entries`);
  }
  return cellCount;
}

async function readFooter(
  check: RestoreCheck,
  { name, lengthBytes, footerLength, footerSha256 }: ManifestSegment,
): Promise<readonly SegmentBlock[]> {
  const range = { offset: lengthBytes - footerLength, length: footerLength };
  return parseFooter(await readHashed(check, { name, range, sha256: footerSha256 })).blocks;
}

async function readBlock(
  check: RestoreCheck,
  name: string,
  block: SegmentBlock,
): Promise<StateBlock> {
  const { offset, length, sha256, operator, kind, role, groupStart, groupEnd, cellCount } = block;
  // The simulation's compressor changes nothing.
  const bytes = await readHashed(check, { name, range: { offset, length }, sha256 });
  return { operator, kind, role, groupStart, groupEnd, cellCount, bytes };
}

async function readHashed(
  { objects, digest }: RestoreCheck,
  part: {
    readonly name: string;
    readonly range?: { readonly offset: number; readonly length: number };
    readonly sha256: string;
  },
): Promise<Uint8Array> {
  const bytes = await objects.get(part.name, part.range);
  if (digest.sha256(bytes) === part.sha256) return bytes;
  throw new Error(`object ${part.name} is not what was written`);
}
