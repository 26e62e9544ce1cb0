/**
 * Decides what a new subtask needs of a checkpoint: which chains, for which key groups, and which
 * blocks of their segments, in which order. Pure; it reads nothing.
 *
 * I1 Each key group of the subtask gets the blocks of its chain and of no older base (S9).
 * I2 The blocks of an operator stand in commit order, a base before the deltas on it (D4).
 * I3 List blocks of all old subtasks reach every new one, in the manifest's order.
 * I4 A subtask restores no watermark above what its splits and channels may still bring: its own only
 *    if nothing changed its parallelism, else the lowest of those that had its operators.
 */
import {
  assert,
  parseSubtaskId,
  minWatermark,
  type CheckpointId,
  type SubtaskId,
} from "@millrace/core";

import type { BlockChain, Manifest, SubtaskCut } from "./manifest.ts";

/** A subtask of the new attempt. */
export interface RestoringSubtask {
  readonly subtaskId: SubtaskId;
  /** Of its vertex, in the new attempt. */
  readonly parallelism: number;
  /** The names of the operators of its chain. */
  readonly operators: readonly string[];
  /** Its key groups. */
  readonly groupStart: number;
  /** Inclusive. */
  readonly groupEnd: number;
  /**
   * Whether another vertex has another parallelism than at the checkpoint: then splits reach other
   * subtasks than before. False unless set.
   */
  readonly isRescaled?: boolean;
}

/** A range of key groups of an operator in one segment that the subtask needs. */
export interface NeededRange {
  /** Index into the manifest's segments. */
  readonly segment: number;
  readonly operator: string;
  readonly kind: "keyed" | "list";
  readonly groupStart: number;
  /** Inclusive. */
  readonly groupEnd: number;
}

export interface SubtaskRestore {
  readonly subtaskId: SubtaskId;
  readonly watermarkMs: number;
  /** In the order in which their blocks are restored. */
  readonly ranges: readonly NeededRange[];
}

/** A block as a segment's footer describes it. */
export interface FooterBlock {
  readonly operator: string;
  readonly kind: "keyed" | "list";
  readonly role: "base" | "delta";
  readonly groupStart: number;
  readonly groupEnd: number;
}

/** Returns what the subtask needs of the checkpoint. Linear in the manifest. */
export function resolveRestore(manifest: Manifest, subtask: RestoringSubtask): SubtaskRestore {
  const operators = new Set(subtask.operators);
  const ranges = manifest.chains
    .filter(({ operator }) => operators.has(operator))
    .flatMap((chain) => neededOf(chain, subtask));
  const ages = manifest.segments.map(({ ownerCheckpointId }) => ownerCheckpointId);
  return {
    subtaskId: subtask.subtaskId,
    watermarkMs: resolveWatermark(manifest, subtask),
    ranges: [
      ...ranges.filter(({ kind }) => kind === "keyed").toSorted((a, b) => byAge(ages, a, b)),
      ...ranges.filter(({ kind }) => kind === "list"),
    ],
  };
}

/**
 * Returns the blocks of a segment's footer that a range needs, bases first; each of them may cover
 * more than the range.
 */
export function selectBlocks<Block extends FooterBlock>(
  footer: readonly Block[],
  range: NeededRange,
): readonly Block[] {
  const overlapping = footer.filter(
    (block) =>
      block.operator === range.operator &&
      block.kind === range.kind &&
      block.groupStart <= range.groupEnd &&
      block.groupEnd >= range.groupStart,
  );
  const ofRole = (role: Block["role"]): readonly Block[] =>
    overlapping.filter((block) => block.role === role);
  return [...ofRole("base"), ...ofRole("delta")];
}

function neededOf(chain: BlockChain, subtask: RestoringSubtask): readonly NeededRange[] {
  const isList = chain.kind === "list";
  const groupStart = isList ? chain.groupStart : Math.max(chain.groupStart, subtask.groupStart);
  const groupEnd = isList ? chain.groupEnd : Math.min(chain.groupEnd, subtask.groupEnd);
  if (groupStart > groupEnd) return [];
  const { operator, kind } = chain;
  return chain.segments.map((segment) => ({ segment, operator, kind, groupStart, groupEnd }));
}

// Stable, so that ranges of one segment stay in the order of their groups.
function byAge(ages: readonly CheckpointId[], a: NeededRange, b: NeededRange): number {
  const first = ages[a.segment];
  const second = ages[b.segment];
  assert(first !== undefined && second !== undefined, "a chain names a segment that is not listed");
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

/**
 * The subtask's own watermark if its vertex and all others were as wide as now, else the vertex's
 * lowest; that of all subtasks for operators that were in the chain of another vertex.
 */
function resolveWatermark(manifest: Manifest, subtask: RestoringSubtask): number {
  const { vertexId } = parseSubtaskId(subtask.subtaskId);
  const cuts = manifest.subtasks.filter(
    (cut) => parseSubtaskId(cut.subtaskId).vertexId === vertexId,
  );
  const own = cuts.find((cut) => cut.subtaskId === subtask.subtaskId);
  if (own?.parallelism === subtask.parallelism && subtask.isRescaled !== true) {
    return own.watermarkMs;
  }
  if (cuts.length > 0) return lowestOf(cuts);
  const operators = new Set(subtask.operators);
  const isMoved = manifest.chains.some(({ operator }) => operators.has(operator));
  return isMoved ? lowestOf(manifest.subtasks) : minWatermark;
}

function lowestOf(cuts: readonly SubtaskCut[]): number {
  return cuts.reduce((lowest, cut) => Math.min(lowest, cut.watermarkMs), Infinity);
}
