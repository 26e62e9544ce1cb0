import type { BlockSummary } from "@millrace/checkpoint";
import type { Compressor, Digest } from "@millrace/core";
import type { StateBlock } from "@millrace/state";

/** A block as it goes into a segment. */
export interface PackedBlock extends Omit<StateBlock, "bytes"> {
  readonly rawLength: number;
  /** Compressed. */
  readonly bytes: Uint8Array;
  /** Of the compressed bytes. */
  readonly sha256: string;
}

/** Returns the block compressed and hashed. */
export async function packBlock(
  block: StateBlock,
  ports: { readonly compressor: Compressor; readonly digest: Digest },
): Promise<PackedBlock> {
  const { bytes: raw, ...header } = block;
  const bytes = await ports.compressor.compress(raw);
  return { ...header, rawLength: raw.length, bytes, sha256: ports.digest.sha256(bytes) };
}

/**
 * Returns what the ack says of the blocks: one summary for each run of adjacent or overlapping
 * ranges of an operator, kind and role, in the order of operators and key groups.
 */
export function summarizeBlocks(blocks: readonly PackedBlock[]): readonly BlockSummary[] {
  const summaries: BlockSummary[] = [];
  for (const block of blocks.toSorted(byOperatorAndRange)) {
    const last = summaries.at(-1);
    if (last !== undefined && isNext(last, block)) {
      summaries[summaries.length - 1] = {
        ...last,
        groupEnd: Math.max(last.groupEnd, block.groupEnd),
        rawBytes: last.rawBytes + block.rawLength,
      };
      continue;
    }
    const { operator, kind, role, groupStart, groupEnd } = block;
    summaries.push({ operator, kind, role, groupStart, groupEnd, rawBytes: block.rawLength });
  }
  return summaries;
}

function isNext(last: BlockSummary, block: PackedBlock): boolean {
  return (
    last.operator === block.operator &&
    last.kind === block.kind &&
    last.role === block.role &&
    block.groupStart <= last.groupEnd + 1
  );
}

function byOperatorAndRange(a: PackedBlock, b: PackedBlock): number {
  return (
    compareText(a.operator, b.operator) ||
    compareText(a.kind, b.kind) ||
    compareText(a.role, b.role) ||
    a.groupStart - b.groupStart ||
    a.groupEnd - b.groupEnd
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
