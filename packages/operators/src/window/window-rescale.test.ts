import { keyGroupOf, keyGroupRangeOf, keyHash, parseCheckpointId } from "@millrace/core";
import type { OperatorSpec, WindowSpec } from "@millrace/graph";
import { createHeapBackend, type KeyedBackend, type StateBlock } from "@millrace/state";
import { expect, test } from "vitest";

import { createOperator } from "../create-operator.ts";
import type { Operator } from "../operator.ts";
import { createTestContext } from "../test-context.ts";
import { listed } from "./test-windows.ts";

type WindowKind = "window" | "general-window" | "count-window";

const maxParallelism = 16;
const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);

/** One subtask of a window operator. */
interface Subtask {
  readonly keyed: KeyedBackend;
  readonly operator: Operator;
  readonly results: () => readonly unknown[];
}

function openSubtasks(
  spec: Extract<OperatorSpec, { readonly kind: WindowKind }>,
  parallelism: number,
  restored: { readonly blocks: readonly StateBlock[]; readonly watermarkMs: number },
): readonly Subtask[] {
  return Array.from({ length: parallelism }, (_, subtaskIndex) => {
    const groups = keyGroupRangeOf({ maxParallelism, parallelism, subtaskIndex });
    const keyed = createHeapBackend({ operatorName: "op", groups, maxParallelism });
    const { context, recorded } = createTestContext({
      keyed,
      watermarkMs: () => restored.watermarkMs,
    });
    const planned = { name: "op", nodeId: 0, isKeyed: true, hasState: true, options: null };
    const operator = createOperator(spec, { ...planned, kind: spec.kind });
    operator.open(context);
    for (const block of restored.blocks) {
      const isOwn = block.groupStart <= groups.end && block.groupEnd >= groups.start;
      if (isOwn) keyed.restoreBlock(block);
    }
    if (restored.blocks.length > 0) keyed.finishRestore(parseCheckpointId(1n));
    return { keyed, operator, results: () => recorded.emitted.map(({ value }) => value) };
  });
}

/** Each key has a record, of that time, in the subtask that owns it. */
function pushAll(subtasks: readonly Subtask[], record: string, timestampMs: number): void {
  for (const key of keys) {
    const group = keyGroupOf(keyHash(key), maxParallelism);
    const index = subtasks.findIndex((_, subtaskIndex) => {
      const { length: parallelism } = subtasks;
      const { start, end } = keyGroupRangeOf({ maxParallelism, parallelism, subtaskIndex });
      return group >= start && group <= end;
    });
    subtasks[index]?.keyed.setCurrentKey(key, keyHash(key));
    subtasks[index]?.operator.onRecord(record, timestampMs);
  }
}

function advanceAll(subtasks: readonly Subtask[], watermarkMs: number): void {
  for (const { operator } of subtasks) operator.advanceWatermark?.(watermarkMs, () => false);
}

const aggregate: WindowSpec["aggregate"] = listed;

interface Counting {
  readonly key: unknown;
  readonly window: { readonly start: number; readonly end: number };
  readonly windowState: { readonly firings: Count };
  readonly globalState: { readonly firings: Count };
  emit(value: unknown): void;
}

interface Count {
  get(): number | undefined;
  set(value: number): void;
  clear(): void;
}

/** Says what the window holds, and which firing of the window and of the key it is; forgets after two. */
const counting: WindowSpec["aggregate"] = {
  ...listed,
  emitsItself: true,
  windowState: { firings: { kind: "value", version: 1 } },
  globalState: { firings: { kind: "value", version: 1 } },
  result: (records: string[], ctx: Counting) => {
    const counts = [ctx.windowState.firings, ctx.globalState.firings].map((firings) => {
      const count = (firings.get() ?? 0) + 1;
      if (count === 2) firings.clear();
      else firings.set(count);
      return count;
    });
    const { start, end } = ctx.window;
    const key = JSON.stringify(ctx.key);
    ctx.emit(`${key} [${start}, ${end}) ${records.join("")} ${counts.join(" ")}`);
  },
};
const shared = { kind: "general-window", allowedLatenessMs: 0, aggregate } as const;

test.each<[string, Extract<OperatorSpec, { readonly kind: WindowKind }>, string]>([
  [
    "in panes",
    {
      kind: "window",
      assigner: { kind: "tumbling", sizeMs: 100, offsetMs: 0 },
      allowedLatenessMs: 0,
      aggregate,
    },
    "[0, 100) ab",
  ],
  ["of sessions", { ...shared, assigner: { kind: "session", gapMs: 50 } }, "[10, 90) ab"],
  ["over all of time", { ...shared, assigner: { kind: "global" } }, "[-Infinity, Infinity) ab"],
  [
    "with a trigger",
    {
      ...shared,
      assigner: { kind: "tumbling", sizeMs: 100, offsetMs: 0 },
      trigger: { kind: "count", count: 2 },
    },
    "[0, 100) ab",
  ],
  [
    "whose function keeps states",
    {
      ...shared,
      assigner: { kind: "tumbling", sizeMs: 100, offsetMs: 0 },
      trigger: { kind: "count", count: 1 },
      aggregate: counting,
    },
    "[0, 100) ab 2 2",
  ],
  [
    "by count",
    { kind: "count-window", assigner: { kind: "count", size: 2, slide: 2 }, aggregate },
    "[-Infinity, Infinity) ab",
  ],
])("windows %s go on at another parallelism, each key's once", (_what, spec, result) => {
  const before = openSubtasks(spec, 2, { blocks: [], watermarkMs: -Infinity });
  pushAll(before, "a", 10);
  advanceAll(before, 20);
  const blocks: StateBlock[] = [];
  for (const { keyed } of before) {
    const barrier = { checkpointId: parseCheckpointId(1n), mode: "full" } as const;
    const cursor = keyed.beginSnapshot(barrier, (block) => void blocks.push(block));
    while (!cursor.step(() => false));
  }
  const after = openSubtasks(spec, 3, { blocks, watermarkMs: 20 });
  pushAll(after, "b", 40);
  advanceAll(after, Infinity);
  const results = after.flatMap((subtask) => subtask.results()).map(String);
  const expected = keys.map((key) => `${JSON.stringify(key)} ${result}`);
  expect(results.toSorted()).toEqual(expected.toSorted());
  for (const { keyed } of after) expect(keyed.cellCount()).toBe(0);
});
