import { ByteWriter, writeKey } from "@millrace/core";
import fc from "fast-check";

/** What a drawn test does to one value state. */

/** Returns what two keys have in common if they are the same key: their bytes. */
export function bytesOfKey(key: unknown): string {
  const out = new ByteWriter();
  writeKey(out, key);
  return out.view().join();
}

export const valueKeys: readonly unknown[] = [
  ["", "a", "bb", "\0", "\u00ff", "\u0100", "\ud83d\ude00", "x".repeat(70)],
  [0, -0, 1, -1.5, Number.NaN, Infinity, 2 ** 40],
  [true, null, 7n, ["a", 1], { b: 2 }],
  Array.from({ length: 20 }, (_, index) => `word-${index}`),
].flat(1);

const values: readonly unknown[] = [0, -0, 1, 2, 3, 1e300, Number.NaN, 0.1, "text", { n: 1 }, null];

/** Keys and values by their index. */
export type Write =
  | { readonly kind: "set"; readonly key: number; readonly value: number }
  | { readonly kind: "update"; readonly key: number }
  | { readonly kind: "clear"; readonly key: number };

export type Operation =
  | Write
  | { readonly kind: "barrier"; readonly isFull: boolean; readonly isAborted: boolean }
  | { readonly kind: "step"; readonly checks: number; readonly isToEnd: boolean }
  | { readonly kind: "cancel" }
  | { readonly kind: "restart"; readonly isOfOtherKind: boolean };

const key = fc.nat({ max: valueKeys.length - 1 });
const weighted = {
  set: {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      key,
      value: fc.nat({ max: values.length - 1 }),
    }),
  },
  update: { weight: 8, arbitrary: fc.record({ kind: fc.constant("update" as const), key }) },
  clear: { weight: 4, arbitrary: fc.record({ kind: fc.constant("clear" as const), key }) },
  barrier: {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("barrier" as const),
      isFull: fc.boolean(),
      isAborted: fc.boolean(),
    }),
  },
  step: {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      checks: fc.nat(3),
      isToEnd: fc.boolean(),
    }),
  },
  stepToEnd: {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      checks: fc.constant(0),
      isToEnd: fc.constant(true),
    }),
  },
  cancel: { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const) }) },
  restart: {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      isOfOtherKind: fc.boolean(),
    }),
  },
};
const { set, update, clear, barrier, step, stepToEnd, cancel, restart } = weighted;
const lengths = { maxLength: 150, size: "max" } as const;

/** Snapshots that run while the state changes, are aborted, cancelled, and gone on from. */
export const interleavedOperations: fc.Arbitrary<readonly Operation[]> = fc.array(
  fc.oneof(set, update, clear, barrier, step, cancel, restart),
  lengths,
);

/** Snapshots that end in the step that begins them, so that nothing hangs on the size of a step. */
export const undividedOperations: fc.Arbitrary<readonly Operation[]> = fc.array(
  fc.oneof(set, update, clear, barrier, stepToEnd),
  lengths,
);

export function isWrite(operation: Operation): operation is Write {
  return operation.kind === "set" || operation.kind === "update" || operation.kind === "clear";
}

/** Returns the value behind an update, of a value or of none. */
export function updated(value: unknown): unknown {
  return typeof value === "number" ? value + 1 : 1;
}

export function valueAt(index: number): unknown {
  return values[index];
}
