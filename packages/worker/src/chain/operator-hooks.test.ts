import { parseSubtaskId, type StreamError } from "@millrace/core";
import type { Operator } from "@millrace/operators";
import { expect, test } from "vitest";

import { OperatorHooks } from "./operator-hooks.ts";

const { subtaskId } = parseSubtaskId("board/0");

type Hooks = Pick<Operator, "restoreList" | "start" | "finish" | "letGo">;

/** Of a chain that begins with a function without hooks. */
function hooksOf(byName: Readonly<Record<string, Hooks>>): OperatorHooks {
  const operators = Object.entries(byName).map(([name, hooks]) => {
    const operator: Operator = { open: () => {}, onRecord: () => {}, ...hooks };
    return { name, kind: "operator", operator } as const;
  });
  const map = { name: "plain", kind: "map", call: Number } as const;
  return new OperatorHooks(subtaskId, [map, ...operators]);
}

function fails(): Promise<never> {
  return Promise.reject(new TypeError("no"));
}

test("each operator begins once the one before has, and learns whether it was restored (I1)", async () => {
  const calls: string[] = [];
  const start = (name: string) => async (isRestored: boolean) => {
    calls.push(`${name} begins, restored: ${isRestored}`);
    await Promise.resolve();
    calls.push(`${name} has begun`);
  };
  await hooksOf({ first: { start: start("first") }, last: { start: start("last") } }).start(true);
  expect(calls).toEqual([
    "first begins, restored: true",
    "first has begun",
    "last begins, restored: true",
    "last has begun",
  ]);
});

test("each operator is handed the entries that are stored under its name", async () => {
  const restored: unknown[] = [];
  const restoreList = async (entries: readonly unknown[]) => void restored.push(entries);
  await hooksOf({ a: { restoreList }, b: {}, c: { restoreList } }).restoreLists((name) => [name]);
  expect(restored).toEqual([["a"], ["c"]]);
});

test("where no operator has anything to do behind its last record there is nothing to wait for", async () => {
  expect(hooksOf({ a: {}, b: {} }).finish()).toBeUndefined();
  const calls: string[] = [];
  await hooksOf({ a: {}, b: { finish: async () => void calls.push("b") } }).finish();
  expect(calls).toEqual(["b"]);
});

test.each<readonly [string, Hooks, (hooks: OperatorHooks) => Promise<void> | undefined, RegExp]>([
  ["restores", { restoreList: fails }, (hooks) => hooks.restoreLists(() => []), /^operator b /],
  ["begins", { start: fails }, (hooks) => hooks.start(false), /^open of operator b /],
  ["ends", { finish: fails }, (hooks) => hooks.finish(), /^close of operator b /],
])(
  "what an operator throws as it %s ends the turn and names it (I2)",
  async (_, bad, run, message) => {
    const calls: string[] = [];
    const note = async () => void calls.push("after");
    const after: Hooks = { restoreList: note, start: note, finish: note };
    const caught = await Promise.resolve(run(hooksOf({ b: bad, after }))).catch(
      (error: unknown) => error,
    );
    expect(caught).toMatchObject({
      code: "user-function-failed",
      message: expect.stringMatching(message),
      location: { subtask: "board/0", operator: "b" },
    });
    expect(calls).toEqual([]);
  },
);

test("every operator lets go of what it holds outside, whatever another one throws", async () => {
  const calls: string[] = [];
  const failures: StreamError[] = [];
  const letGo = async () => void calls.push("last");
  const hooks = hooksOf({ first: { letGo: fails }, none: {}, last: { letGo } });
  expect([hooks.holdsOutside(), hooksOf({ none: {} }).holdsOutside()]).toEqual([true, false]);
  await hooks.letGo((error) => failures.push(error));
  expect(calls).toEqual(["last"]);
  expect(failures).toMatchObject([{ location: { operator: "first" } }]);
});

test("an operator that never lets go keeps those behind it from nothing", async () => {
  const last = Promise.withResolvers<string>();
  const hangs = (): Promise<void> => new Promise(() => {});
  const hooks = hooksOf({
    first: { letGo: hangs },
    last: { letGo: async () => last.resolve("let go") },
  });
  void hooks.letGo(() => {});
  expect(await last.promise).toBe("let go");
});
