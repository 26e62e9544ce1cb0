import { describe, expect, test } from "vitest";

import { createOperator } from "./create-operator.ts";
import type { Operator } from "./operator.ts";
import { createReduceOperator } from "./reduce.ts";
import { setKey, testBackends, type BackendUnderTest } from "./test-backends.ts";
import { createTestContext } from "./test-context.ts";

function openSum({ keyed }: BackendUnderTest) {
  const operator: Operator = createReduceOperator({
    kind: "reduce",
    create: (amount: number) => amount,
    add: (sum: number, amount: number) => sum + amount,
    result: (sum: number, key: string | null) => `${key}=${sum}`,
  });
  const { context, recorded } = createTestContext({ keyed });
  operator.open(context);
  const push = (key: string | null, amount: number, timestampMs: number): void => {
    setKey(keyed, key);
    operator.onRecord(amount, timestampMs);
  };
  return { push, recorded };
}

describe.each(testBackends)("on %s", (_name, create) => {
  test("each record emits its key's running value with the record's event time", () => {
    const { push, recorded } = openSum(create());
    push("a", 1, 10);
    push("b", 5, 11);
    push("a", 2, 9);
    expect(recorded.emitted).toEqual([
      { value: "a=1", timestampMs: 10 },
      { value: "b=5", timestampMs: 11 },
      { value: "a=3", timestampMs: 9 },
    ]);
  });

  test("records count in the order in which they come: none is late, with a time or without", () => {
    const { push, recorded } = openSum(create());
    push("a", 1, 1_000);
    push("a", 2, 1);
    push("a", 3, -Infinity);
    expect(recorded.emitted.map(({ value, timestampMs }) => [value, timestampMs])).toEqual([
      ["a=1", 1_000],
      ["a=3", 1],
      ["a=6", -Infinity],
    ]);
    expect(recorded.late).toBe(0);
  });

  test("state is one value for each key, also for the key null", () => {
    const backend = create();
    const { push, recorded } = openSum(backend);
    for (let amount = 0; amount < 10; amount += 1) {
      push("a", amount, 0);
      push(null, 1, 0);
    }
    expect(backend.keyed.cellCount()).toBe(2);
    expect(recorded.emitted.slice(-2).map(({ value }) => value)).toEqual(["a=45", "null=10"]);
  });

  test("a restored value goes on where it was", () => {
    const before = create();
    openSum(before).push("a", 40, 0);
    const { push, recorded } = openSum(before.restore());
    push("a", 2, 1);
    expect(recorded.emitted.map(({ value }) => value)).toEqual(["a=42"]);
  });
});

test("a keyed operator without keyed state is a bug of ours", () => {
  const spec = { kind: "reduce", create: () => 0, add: () => 0, result: () => 0 } as const;
  expect(() => createReduceOperator(spec).open(createTestContext().context)).toThrow(
    "operator op is keyed and has no keyed state",
  );
});

test("what the chain runs itself is no operator", () => {
  const planned = {
    name: "map-1",
    nodeId: 1,
    kind: "map",
    isKeyed: false,
    hasState: false,
    options: null,
  } as const;
  expect(() => createOperator({ kind: "map", map: () => 1 }, planned)).toThrow(
    "operator map-1: a map is run by its chain itself",
  );
});
