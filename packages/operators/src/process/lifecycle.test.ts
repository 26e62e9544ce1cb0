import { expect, test } from "vitest";

import { Lifecycle, type LifecycleHooks } from "./lifecycle.ts";

function create(hooks: LifecycleHooks<string> = {}) {
  const told: string[] = [];
  const lifecycle = new Lifecycle<string>({
    open: (context) => {
      told.push(`open ${context}`);
      return hooks.open?.(context);
    },
    close: () => {
      told.push("close");
      return hooks.close?.();
    },
  });
  return { lifecycle, told };
}

test("close is called once, whether at the end of input or when the slot is ended, or both (I1)", async () => {
  for (const calls of [["finish"], ["letGo"], ["finish", "letGo"], ["letGo", "letGo"]] as const) {
    const { lifecycle, told } = create();
    await lifecycle.open("a");
    for (const call of calls) await lifecycle[call]?.();
    expect(told).toEqual(["open a", "close"]);
  }
});

test("nothing is closed that was not opened, and nothing is opened afterwards (I2)", async () => {
  const { lifecycle, told } = create();
  await lifecycle.letGo?.();
  expect(await lifecycle.open("a")).toBe(false);
  expect(told).toEqual([]);
});

test("what an open in vain has left is closed, once it has returned", async () => {
  for (const isThrowing of [true, false]) {
    const { lifecycle, told } = create({
      open: () => {
        if (isThrowing) throw new Error("no lamp");
        return Promise.reject(new Error("no lamp"));
      },
    });
    await expect(lifecycle.open("a")).rejects.toThrow("no lamp");
    await lifecycle.letGo?.();
    expect(told).toEqual(["open a", "close"]);
  }
});

test("a close that runs is waited for, and fails both who asked for it", async () => {
  let fail = (): void => {};
  const { lifecycle, told } = create({
    close: () =>
      new Promise<void>((_resolve, reject) => {
        fail = () => reject(new Error("no lamp"));
      }),
  });
  await lifecycle.open("a");
  const both = Promise.allSettled([lifecycle.finish?.(), lifecycle.letGo?.()]);
  await Promise.resolve();
  await Promise.resolve();
  fail();
  expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(told).toEqual(["open a", "close"]);
});

test("without a close there is nothing to ask for", () => {
  const { finish, letGo } = new Lifecycle<void>({ open: () => {} });
  expect([finish, letGo]).toEqual([undefined, undefined]);
});
