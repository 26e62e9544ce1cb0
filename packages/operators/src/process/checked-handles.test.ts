import { StreamError } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { createProcessOperator } from "../process.ts";
import { setKey, testBackends } from "../test-backends.ts";
import { createTestContext } from "../test-context.ts";

/** Rounds numbers, and refuses all else. */
function check(value: unknown, what: string): unknown {
  if (typeof value === "number") return Math.round(value);
  throw new StreamError("record-invalid", `${what} is no number`, {
    domain: "user",
    retry: "never",
  });
}

/** What the functions of this test call of a state, whichever it is. */
interface Handle {
  get(key?: string): unknown;
  set(...values: unknown[]): void;
  add(value: unknown): void;
  addAll(values: readonly unknown[]): void;
  update(...values: unknown[]): void;
}

interface Context {
  readonly state: Readonly<Record<"value" | "list" | "map" | "reducing" | "aggregating", Handle>>;
}

const sum = (left: number, right: number): number => left + right;
const text = (total: number): string => `${total}`;

/** Runs the call on the states of one key. */
function statesOn(
  create: (typeof testBackends)[number][1],
): (call: (ctx: Context) => void) => void {
  const { keyed } = create();
  const operator = createProcessOperator({
    kind: "process",
    state: {
      value: { kind: "value", version: 1, check },
      list: { kind: "list", version: 1, check },
      map: { kind: "map", version: 1, check },
      reducing: { kind: "reducing", version: 1, check, reduce: sum },
      aggregating: {
        kind: "aggregating",
        version: 1,
        check,
        create: () => 0,
        add: sum,
        result: text,
      },
    },
    onRecord: (call: (ctx: Context) => void, ctx: Context) => call(ctx),
  });
  operator.open(createTestContext({ keyed }).context);
  setKey(keyed, "a");
  return (call) => operator.onRecord(call, 0);
}

describe.each(testBackends)("a state with a schema on %s", (_name, create) => {
  test("holds what the schema made of what was written, in whichever way", () => {
    const run = statesOn(create);
    run(({ state: { value } }) => {
      value.set(1.4);
      expect(value.get()).toBe(1);
      value.update((before: number) => before + 1.6);
      expect(value.get()).toBe(3);
    });
    run(({ state: { list } }) => {
      list.add(0.9);
      list.addAll([1.9, 2.9]);
      expect(list.get()).toEqual([1, 2, 3]);
      list.set([7.7]);
      expect(list.get()).toEqual([8]);
    });
    run(({ state: { map } }) => {
      map.set("k", 1.4);
      map.update("l", () => 2.4);
      expect([map.get("k"), map.get("l")]).toEqual([1, 2]);
    });
    run(({ state: { reducing, aggregating } }) => {
      for (const value of [0.6, 1.6]) {
        reducing.add(value);
        aggregating.add(value);
      }
      expect([reducing.get(), aggregating.get()]).toEqual([3, "3"]);
    });
  });

  test("refuses what does not fit, by the names of state and operator, and keeps what was there", () => {
    const run = statesOn(create);
    const calls: readonly [name: string, (ctx: Context) => void][] = [
      ["value", ({ state }) => state.value.set("x")],
      ["value", ({ state }) => state.value.update(() => "x")],
      ["list", ({ state }) => state.list.add("x")],
      ["list", ({ state }) => state.list.addAll([1, "x"])],
      ["list", ({ state }) => state.list.set(["x"])],
      ["map", ({ state }) => state.map.set("k", "x")],
      ["map", ({ state }) => state.map.update("k", () => "x")],
      ["reducing", ({ state }) => state.reducing.add("x")],
      ["aggregating", ({ state }) => state.aggregating.add("x")],
    ];
    for (const [name, call] of calls) {
      expect(() => run(call)).toThrow(`a value for state.${name} of operator op is no number`);
    }
    run(({ state }) => {
      expect([state.value.get(), state.list.get(), state.map.get("k")]).toEqual([
        undefined,
        [],
        undefined,
      ]);
    });
  });
});
