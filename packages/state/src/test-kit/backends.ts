import { keyHash, parseCheckpointId } from "@millrace/core";

import type { KeyedBackend, StateBlock } from "../contract.ts";
import { createHeapBackend, type HeapBackendOptions } from "../heap-backend.ts";

/** Heap backends of one operator, as a task creates, uses and restores them. */

type BackendChoice = Partial<Omit<HeapBackendOptions, "operatorName">>;

/** Where a backend may keep numbers: whether it uses number tables, by name. */
export const numberLayouts: readonly (readonly [string, boolean])[] = [
  ["numbers in tables", true],
  ["all values in cells", false],
];

/** Returns an empty backend of the operator `sum`: of four key groups, all its own, unless said. */
export function createBackend(choice: BackendChoice = {}): KeyedBackend {
  const { maxParallelism = 4 } = choice;
  const groups = { start: 0, end: maxParallelism - 1 };
  return createHeapBackend({ operatorName: "sum", groups, maxParallelism, ...choice });
}

/** Takes in all blocks that a checkpoint needs, oldest first; returns the backend. */
export function restore(
  fresh: KeyedBackend,
  blocks: readonly StateBlock[],
  checkpoint: number,
): KeyedBackend {
  for (const block of blocks) fresh.restoreBlock(block);
  fresh.finishRestore(parseCheckpointId(BigInt(checkpoint)));
  return fresh;
}

/** Makes a key current; returns the backend. */
export function use(backend: KeyedBackend, key: unknown): KeyedBackend {
  backend.setCurrentKey(key, keyHash(key));
  return backend;
}
