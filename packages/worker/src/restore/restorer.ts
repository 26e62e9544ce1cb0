import {
  parseManifest,
  resolveRestore,
  selectBlocks,
  type Manifest,
  type ManifestSegment,
  type NeededRange,
  type SubtaskRestore,
} from "@millrace/checkpoint";
import {
  assert,
  createDeadline,
  StreamError,
  type Compressor,
  type SubtaskId,
} from "@millrace/core";
import type { Deployment } from "@millrace/rpc";
import { parseFooter, type SegmentBlock, type StateBlock } from "@millrace/state";
import type { ObjectRange } from "@millrace/storage";

import { readVerified, type ReadPorts } from "./read-verified.ts";
import { restoreError, type RestoreSubject } from "./restore-errors.ts";
import { restoringSubtasks } from "./restoring-subtasks.ts";
import { runLimited } from "./run-limited.ts";
import { readSmallSegments } from "./small-segments.ts";

export interface RestorePorts extends ReadPorts {
  readonly compressor: Compressor;
}

export interface RestoreRequest {
  readonly deployment: Deployment;
  /** Of this worker. */
  readonly subtasks: readonly SubtaskId[];
}

/** What a slot needs to restore one subtask. */
export interface RestoredSubtask {
  readonly subtaskId: SubtaskId;
  readonly blocks: readonly StateBlock[];
  readonly watermarkMs: number;
}

/** A block that is needed, by the place it has in its segment. */
interface BlockSource {
  readonly segment: ManifestSegment;
  readonly block: SegmentBlock;
}

/**
 * Returns the state of the worker's subtasks, fetched and verified; nothing without a checkpoint.
 * Throws `manifest-corrupt`, `segment-corrupt`, `segment-missing` naming object and checkpoint:
 * never a part of the state (F13, S7).
 */
export async function restoreSubtasks(
  request: RestoreRequest,
  ports: RestorePorts,
  signal: AbortSignal,
): Promise<ReadonlyMap<SubtaskId, RestoredSubtask>> {
  const { restore, ref } = request.deployment;
  if (restore === undefined) return new Map();
  const { clock, config, counters, logger } = ports;
  const startedMs = clock.monotonicMs();
  const { jobId } = ref;
  const { checkpointId } = restore;
  const what = `restoring checkpoint ${checkpointId} of job ${jobId}`;
  using deadline = createDeadline(clock, { afterMs: config.restoreTimeoutMs, what, signal });
  try {
    const run = new Restore(ports, { jobId, checkpointId }, deadline.signal);
    const restored = await run.run(request, restore.manifest);
    counters.restoresCompleted += 1;
    counters.lastRestoreMs = clock.monotonicMs() - startedMs;
    counters.restoredBytes += run.readBytes;
    logger.log("info", "state restored", {
      jobId,
      attempt: ref.attempt,
      checkpointId,
      readBytes: run.readBytes,
      durationMs: Math.round(counters.lastRestoreMs),
    });
    return restored;
  } catch (caught) {
    if (!signal.aborted) counters.restoresFailed += 1;
    throw caught;
  }
}

/**
 * One restore: manifest, then small segments, then footers and blocks of the others.
 *
 * I1 Every byte that it hands out was hashed against the manifest, or against a footer that was.
 * I2 A block is fetched once, however many subtasks need it; each gets bytes of its own.
 */
class Restore {
  readonly #ports: RestorePorts;
  readonly #subject: RestoreSubject;
  readonly #signal: AbortSignal;
  #small: ReadonlyMap<string, Uint8Array> = new Map();
  readBytes = 0;

  constructor(ports: RestorePorts, subject: RestoreSubject, signal: AbortSignal) {
    this.#ports = ports;
    this.#subject = subject;
    this.#signal = signal;
  }

  async run(
    { deployment, subtasks }: RestoreRequest,
    object: { readonly name: string; readonly sha256: string },
  ): Promise<ReadonlyMap<SubtaskId, RestoredSubtask>> {
    const manifest = await this.#readManifest(object);
    const needs = restoringSubtasks(deployment, subtasks, manifest).map((subtask) =>
      resolveRestore(manifest, subtask),
    );
    await this.#readSmallSegments(manifest, needs);
    const footers = await this.#readFooters(manifest, needs);
    const sources = needs.map((need) => sourcesOf(need, manifest, footers));
    const raw = await this.#readBlocks(sources.flat());
    const handedOut = new Set<SegmentBlock>();
    return new Map(
      needs.map(({ subtaskId, watermarkMs }, index) => {
        const blocks = (sources[index] ?? []).map(({ block }) =>
          toStateBlock(block, raw, handedOut),
        );
        return [subtaskId, { subtaskId, watermarkMs, blocks }] as const;
      }),
    );
  }

  async #readManifest(object: { readonly name: string; readonly sha256: string }) {
    const corrupt = restoreError(this.#subject, "manifest-corrupt");
    const bytes = await readVerified(
      this.#ports,
      { ...object, what: "its manifest", missing: corrupt, corrupt },
      this.#signal,
    );
    this.readBytes += bytes.length;
    return parseManifest(object.name, bytes);
  }

  async #readSmallSegments(manifest: Manifest, needs: readonly SubtaskRestore[]): Promise<void> {
    const indexes = new Set(needs.flatMap(({ ranges }) => ranges.map(({ segment }) => segment)));
    const segments = manifest.segments.filter((_segment, index) => indexes.has(index));
    this.#small = await readSmallSegments(segments, this.#ports, this.#signal);
    for (const bytes of this.#small.values()) this.readBytes += bytes.length;
  }

  async #readFooters(
    manifest: Manifest,
    needs: readonly SubtaskRestore[],
  ): Promise<ReadonlyMap<number, readonly SegmentBlock[]>> {
    const indexes = new Set(needs.flatMap(({ ranges }) => ranges.map(({ segment }) => segment)));
    const entries = await runLimited(
      [...indexes],
      this.#ports.config.restoreConcurrency,
      async (index) => {
        const segment = manifest.segments[index];
        assert(segment !== undefined, `a chain names segment ${index}, which is not listed`);
        return [index, await this.#readFooter(segment)] as const;
      },
    );
    return new Map(entries);
  }

  async #readFooter(segment: ManifestSegment): Promise<readonly SegmentBlock[]> {
    const { name, lengthBytes, footerLength, footerSha256 } = segment;
    const bytes = await this.#readPart(
      { name, offset: lengthBytes - footerLength, length: footerLength },
      { sha256: footerSha256, what: "the footer of a segment" },
    );
    const { blocks, compressor } = this.#parseFooter(name, bytes);
    const own = this.#ports.compressor.name;
    if (compressor === own) return blocks;
    throw restoreError(
      this.#subject,
      "state-incompatible",
    )(`segment ${name} is compressed with ${compressor}, this worker has ${own}`);
  }

  #parseFooter(name: string, bytes: Uint8Array): ReturnType<typeof parseFooter> {
    try {
      return parseFooter(bytes);
    } catch (caught) {
      throw this.#corrupt(`the footer of segment ${name} cannot be read`, caught);
    }
  }

  async #readBlocks(
    sources: readonly BlockSource[],
  ): Promise<ReadonlyMap<SegmentBlock, Uint8Array>> {
    const segmentByBlock = new Map(sources.map(({ block, segment }) => [block, segment]));
    const entries = await runLimited(
      [...segmentByBlock],
      this.#ports.config.restoreConcurrency,
      async ([block, segment]) => [block, await this.#readBlock(segment, block)] as const,
    );
    return new Map(entries);
  }

  async #readBlock({ name }: ManifestSegment, block: SegmentBlock): Promise<Uint8Array> {
    const groups = `key groups ${block.groupStart}..${block.groupEnd}`;
    const what = `the ${block.kind} state of operator ${block.operator}, ${groups}`;
    const { offset, length, sha256, rawLength } = block;
    const packed = await this.#readPart({ name, offset, length }, { sha256, what });
    try {
      return await this.#ports.compressor.decompress(packed, rawLength);
    } catch (caught) {
      throw this.#corrupt(`${what}, in segment ${name}, does not decompress`, caught);
    }
  }

  async #readPart(
    part: { readonly name: string; readonly offset: number; readonly length: number },
    expected: { readonly sha256: string; readonly what: string },
  ): Promise<Uint8Array> {
    const { name, ...range } = part;
    const held = this.#partOfSmall(part, expected.sha256);
    if (held !== undefined) return held;
    const missing = restoreError(this.#subject, "segment-missing");
    const corrupt = restoreError(this.#subject, "segment-corrupt");
    const read = { name, range, ...expected, missing, corrupt };
    const bytes = await readVerified(this.#ports, read, this.#signal);
    this.readBytes += bytes.length;
    return bytes;
  }

  /** Returns the part if its segment was read whole and the part is what it must be. */
  #partOfSmall(
    { name, offset, length }: { readonly name: string } & ObjectRange,
    sha256: string,
  ): Uint8Array | undefined {
    const bytes = this.#small.get(name)?.slice(offset, offset + length);
    return bytes !== undefined && this.#ports.digest.sha256(bytes) === sha256 ? bytes : undefined;
  }

  #corrupt(message: string, caught: unknown): StreamError {
    const { message: cause } = StreamError.from(caught);
    return restoreError(this.#subject, "segment-corrupt")(`${message}: ${cause}`);
  }
}

/** The blocks that a subtask needs, each once, in the order in which they are restored. */
function sourcesOf(
  need: SubtaskRestore,
  manifest: Manifest,
  footers: ReadonlyMap<number, readonly SegmentBlock[]>,
): readonly BlockSource[] {
  const sources = new Map<SegmentBlock, BlockSource>();
  for (const range of need.ranges) {
    const segment = manifest.segments[range.segment];
    assert(segment !== undefined, `a chain names segment ${range.segment}, which is not listed`);
    for (const block of selectBlocks(footerOf(range, footers), range)) {
      sources.set(block, { segment, block });
    }
  }
  return [...sources.values()];
}

function footerOf(
  range: NeededRange,
  footers: ReadonlyMap<number, readonly SegmentBlock[]>,
): readonly SegmentBlock[] {
  const footer = footers.get(range.segment);
  assert(footer !== undefined, `the footer of segment ${range.segment} was not read`);
  return footer;
}

/** Bytes are moved to a slot with their buffer: the second to need a block gets a copy. */
function toStateBlock(
  block: SegmentBlock,
  raw: ReadonlyMap<SegmentBlock, Uint8Array>,
  handedOut: Set<SegmentBlock>,
): StateBlock {
  const bytes = raw.get(block);
  assert(bytes !== undefined, `a block of operator ${block.operator} was not read`);
  const { operator, kind, role, groupStart, groupEnd, cellCount } = block;
  const own = handedOut.has(block) ? bytes.slice() : bytes;
  handedOut.add(block);
  return { operator, kind, role, groupStart, groupEnd, cellCount, bytes: own };
}
