import { keyHash, parseCheckpointId } from "@millrace/core";
import { createHeapBackend, type KeyedBackend, type StateBlock } from "@millrace/state";

import { TestBackend } from "./test-backend.ts";

/** Keyed state for tests of operators, with what a crash and a restore make of it. */
export interface BackendUnderTest {
  readonly keyed: KeyedBackend;
  /** Returns what a restore of a snapshot taken now gives; this one is then not used any more. */
  restore(): BackendUnderTest;
}

/** The backends that operators are tested on, by name. */
export const testBackends: readonly (readonly [string, () => BackendUnderTest])[] = [
  ["plain maps", () => onTestBackend(new TestBackend())],
  ["the heap backend", () => onHeapBackend([], { lastId: 0n, usesNumberTables: true })],
  [
    "the heap backend without number tables",
    () => onHeapBackend([], { lastId: 0n, usesNumberTables: false }),
  ],
];

/** Makes the key current as a task does. */
export function setKey(keyed: KeyedBackend, key: unknown): void {
  keyed.setCurrentKey(key, keyHash(key));
}

function onTestBackend(keyed: TestBackend): BackendUnderTest {
  return { keyed, restore: () => onTestBackend(keyed.copy()) };
}

/** Each restore takes one more delta on top of all blocks before, as a job does that often crashes. */
function onHeapBackend(
  blocks: readonly StateBlock[],
  { lastId, usesNumberTables }: { readonly lastId: bigint; readonly usesNumberTables: boolean },
): BackendUnderTest {
  const maxParallelism = 4;
  const groups = { start: 0, end: maxParallelism - 1 };
  const keyed = createHeapBackend({ operatorName: "op", groups, maxParallelism, usesNumberTables });
  for (const block of blocks) keyed.restoreBlock(block);
  if (lastId > 0n) keyed.finishRestore(parseCheckpointId(lastId));
  return {
    keyed,
    restore() {
      const checkpointId = parseCheckpointId(lastId + 1n);
      const added: StateBlock[] = [];
      const barrier =
        lastId === 0n
          ? ({ checkpointId, mode: "full" } as const)
          : ({ checkpointId, base: parseCheckpointId(lastId), mode: "delta" } as const);
      const cursor = keyed.beginSnapshot(barrier, (block) => void added.push(block));
      while (!cursor.step(() => false));
      return onHeapBackend([...withoutReplaced(blocks, added), ...added], {
        lastId: checkpointId,
        usesNumberTables,
      });
    },
  };
}

/** A new base block replaces all blocks before it of its key groups. */
function withoutReplaced(
  blocks: readonly StateBlock[],
  added: readonly StateBlock[],
): readonly StateBlock[] {
  const bases = added.filter(({ role }) => role === "base");
  return blocks.filter(
    ({ groupStart, groupEnd }) =>
      !bases.some((base) => base.groupStart <= groupStart && groupEnd <= base.groupEnd),
  );
}
