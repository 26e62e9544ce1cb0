import { assert, parseCheckpointId, type Barrier } from "@millrace/core";

import type { KeyedBackend, SnapshotCursor, StateBlock } from "../contract.ts";

/** Snapshots as a task takes them. Checkpoints go by their numbers. */

/** Of the checkpoint that deltas are relative to; undefined: there is none. */
interface Since {
  readonly since?: number | undefined;
}

export interface Cut {
  /** Has not stepped yet. */
  readonly cursor: SnapshotCursor;
  /** What it has emitted so far. */
  readonly blocks: readonly StateBlock[];
}

/** Returns the barrier of a checkpoint that is to hold all; later ones reach back no further than `since`. */
export function fullBarrier(checkpoint: number, { since }: Since = {}): Barrier {
  return { checkpointId: idOf(checkpoint), mode: "full", ...baseOf(since) };
}

/** Returns the barrier of a checkpoint that is to hold what changed since another. */
export function deltaBarrier(checkpoint: number, { since }: Since): Barrier {
  return { checkpointId: idOf(checkpoint), mode: "delta", ...baseOf(since) };
}

/** Cuts at the barrier: what changes from here on is not in the blocks. */
export function cut(backend: KeyedBackend, barrier: Barrier): Cut {
  const blocks: StateBlock[] = [];
  return { cursor: backend.beginSnapshot(barrier, (block) => void blocks.push(block)), blocks };
}

/** Encodes what is left; throws if that is not all. */
export function runToEnd(cursor: SnapshotCursor): void {
  assert(
    cursor.step(() => false),
    "a snapshot whose turn it is ends in a step that does not pause",
  );
}

/** Cuts at the barrier and encodes at once; returns the blocks. */
export function takeSnapshot(backend: KeyedBackend, barrier: Barrier): readonly StateBlock[] {
  const { cursor, blocks } = cut(backend, barrier);
  runToEnd(cursor);
  return blocks;
}

/** Returns what lets a cursor go on that many times, and then pauses it. */
export function pauseAfter(checks: number): () => boolean {
  let left = checks;
  return () => {
    left -= 1;
    return left < 0;
  };
}

function idOf(checkpoint: number): Barrier["checkpointId"] {
  return parseCheckpointId(BigInt(checkpoint));
}

function baseOf(since: number | undefined): Pick<Barrier, "base"> {
  return since === undefined ? {} : { base: idOf(since) };
}
