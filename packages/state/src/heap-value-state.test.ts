import fc from "fast-check";
import { expect, test } from "vitest";

import { createBackend, numberLayouts, use } from "./test-kit/backends.ts";
import { deltaBarrier, takeSnapshot } from "./test-kit/snapshots.ts";

const keys: readonly unknown[] = ["a", "b", 1, ["a", 1]];

type Step =
  | { readonly kind: "key"; readonly keyIndex: number }
  | { readonly kind: "set" | "change"; readonly state: string; readonly value: unknown }
  | { readonly kind: "get" | "clear"; readonly state: string }
  | { readonly kind: "checkpoint"; readonly keyIndex: number };

const keyIndex = fc.nat({ max: keys.length - 1 });
const state = fc.constantFrom("x", "y");
const value = fc.constantFrom<unknown>(1, 2.5, "text");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("key" as const), keyIndex }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("set" as const, "change" as const),
      state,
      value,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("get" as const, "clear" as const), state }),
  },
  fc.record({ kind: fc.constant("checkpoint" as const), keyIndex }),
);

test.each(numberLayouts)(
  "with %s, a key's states are what was last done to them, however often they are used while it is current",
  (_name, usesNumberTables) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const backend = createBackend({ usesNumberTables });
        const model = new Map<string, unknown>();
        let current = 0;
        let head: number | undefined;
        const setKey = (index: number): void => {
          current = index;
          use(backend, keys[index]);
        };
        setKey(0);
        for (const next of steps) {
          if (next.kind === "key") {
            setKey(next.keyIndex);
            continue;
          }
          if (next.kind === "checkpoint") {
            // Sweeps tombstones that the one before covers.
            const checkpoint = (head ?? 0) + 1;
            takeSnapshot(backend, deltaBarrier(checkpoint, { since: head }));
            head = checkpoint;
            setKey(next.keyIndex);
            continue;
          }
          const handle = backend.valueState<unknown>(next.state);
          const name = `${next.state} ${current}`;
          if (next.kind === "set") handle.set(next.value);
          if (next.kind === "change") handle.cellForUpdate().value = next.value;
          if (next.kind === "clear") handle.clear();
          if (next.kind === "clear") model.delete(name);
          if (next.kind === "set" || next.kind === "change") model.set(name, next.value);
          expect(handle.get()).toBe(model.get(name));
          expect(backend.cellCount()).toBe(model.size);
        }
      }),
      { numRuns: 500 },
    );
  },
);
