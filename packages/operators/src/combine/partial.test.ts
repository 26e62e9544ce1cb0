import type { WindowSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { createOperator } from "../create-operator.ts";
import { setKey, testBackends } from "../test-backends.ts";
import { createTestContext } from "../test-context.ts";
import { PartialAggregate } from "./partial.ts";

const planned = { name: "op", nodeId: 1, isKeyed: true, hasState: true, options: null } as const;

function partialOf(value: unknown, timestampMs: number, recordCount: number): PartialAggregate {
  const partial = new PartialAggregate();
  partial.read({ key: "a", value, timestampMs, recordCount });
  return partial;
}

describe.each(testBackends)("on %s", (_name, create) => {
  test("a running aggregate takes partials and records in turn, and emits once for each", () => {
    const { keyed } = create();
    const operator = createOperator(
      {
        kind: "reduce",
        create: () => 1,
        add: (count: number) => count + 1,
        merge: (left: number, right: number) => left + right,
        result: (count: number) => count,
      },
      { ...planned, kind: "reduce" },
    );
    const { context, recorded } = createTestContext({ keyed });
    operator.open(context);
    setKey(keyed, "a");
    operator.onRecord(partialOf(5, 3, 5), 3);
    operator.onRecord("record", 4);
    operator.onRecord(partialOf(2, 9, 2), 9);
    expect(recorded.emitted).toEqual([
      { value: 5, timestampMs: 3 },
      { value: 6, timestampMs: 4 },
      { value: 8, timestampMs: 9 },
    ]);
  });

  test("a window merges partials with records, and counts each late record of a partial", () => {
    const { keyed } = create();
    const spec: WindowSpec = {
      kind: "window",
      assigner: { kind: "tumbling", sizeMs: 10, offsetMs: 0 },
      allowedLatenessMs: 0,
      isCombined: true,
      aggregate: {
        create: () => ({ sum: 0 }),
        add: (into: { sum: number }, amount: number) => {
          into.sum += amount;
        },
        merge: (into: { sum: number }, from: { sum: number }) => ({ sum: into.sum + from.sum }),
        result: ({ sum }: { sum: number }) => sum,
      },
    };
    const operator = createOperator(spec, { ...planned, kind: "window" });
    const { context, recorded } = createTestContext({ keyed });
    operator.open(context);
    setKey(keyed, "a");
    operator.onRecord(partialOf({ sum: 5 }, 3, 2), 3);
    operator.onRecord(7, 4);
    operator.onRecord(partialOf({ sum: 30 }, 1, 3), 1);
    operator.onRecord(partialOf({ sum: 100 }, 12, 1), 12);
    operator.advanceWatermark?.(9, () => false);
    expect(recorded.emitted).toEqual([{ value: 42, timestampMs: 9 }]);
    setKey(keyed, "a");
    operator.onRecord(partialOf({ sum: 1 }, 8, 4), 8);
    operator.onRecord(1, 8);
    expect(recorded.late).toBe(5);
    operator.advanceWatermark?.(19, () => false);
    expect(recorded.emitted.slice(1)).toEqual([{ value: 100, timestampMs: 19 }]);
  });
});

test.each([
  ["no object", 1],
  ["null", null],
  ["without a key", { value: 1, timestampMs: 0, recordCount: 1 }],
  ["without a value", { key: 1, timestampMs: 0, recordCount: 1 }],
  ["without a time", { key: 1, value: 1, recordCount: 1 }],
  ["of no time", { key: 1, value: 1, timestampMs: Number.NaN, recordCount: 1 }],
  ["of a text for a time", { key: 1, value: 1, timestampMs: "0", recordCount: 1 }],
  ["of no records", { key: 1, value: 1, timestampMs: 0, recordCount: 0 }],
  ["of half a record", { key: 1, value: 1, timestampMs: 0, recordCount: 1.5 }],
])("what is %s is refused as a partial", (_what, received) => {
  expect(() => new PartialAggregate().read(received)).toThrow("is no partial");
});
