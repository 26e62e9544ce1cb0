import type { CountWindowSpec, GeneralWindowSpec, StateSpec, WindowSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Operator } from "../operator.ts";
import { testBackends, type BackendUnderTest } from "../test-backends.ts";
import { createCountWindowOperator } from "./count-window-operator.ts";
import { createGeneralWindowOperator } from "./general-window-operator.ts";
import { WindowDriver } from "./test-driver.ts";
import { tumbling } from "./test-windows.ts";
import { createWindowOperator } from "./window-operator.ts";

interface Value {
  get(): number | undefined;
  set(value: number | undefined): void;
}

interface Context {
  readonly key: unknown;
  readonly window: { readonly start: number; readonly end: number };
  readonly watermark: number;
  readonly windowState: {
    readonly firings: Value;
    readonly sizes: { get(): readonly number[]; add(size: number): void };
    readonly byName: {
      get(name: unknown): unknown;
      set(name: unknown, value: unknown): void;
      delete(name: unknown): void;
      isEmpty(): boolean;
      entries(): Iterable<readonly [unknown, unknown]>;
    };
  };
  readonly globalState: { readonly windows: Value };
  processingTime(): number;
  emit(value: unknown): void;
}

const value: StateSpec = { kind: "value", version: 1 };
const windowState: Readonly<Record<string, StateSpec>> = {
  firings: value,
  sizes: { kind: "list", version: 1 },
  byName: { kind: "map", version: 1 },
};

const counts = {
  create: () => 0,
  add: (count: number) => count + 1,
  merge: (into: number, from: number) => into + from,
  emitsItself: true,
} as const;

function inWindow({ windowState: { firings } }: Context): number {
  const firing = (firings.get() ?? 0) + 1;
  firings.set(firing);
  return firing;
}

function inKey({ globalState: { windows } }: Context): number {
  const count = (windows.get() ?? 0) + 1;
  windows.set(count);
  return count;
}

function open(
  backend: BackendUnderTest,
  aggregate: Omit<WindowSpec["aggregate"], "create" | "add" | "merge">,
  spec: Partial<GeneralWindowSpec> = {},
): WindowDriver {
  const create = (): Operator =>
    createGeneralWindowOperator({
      kind: "general-window",
      assigner: tumbling,
      allowedLatenessMs: 0,
      ...spec,
      aggregate: { ...counts, ...aggregate },
    });
  return new WindowDriver(create, backend);
}

describe.each(testBackends)("on %s", (_name, create) => {
  describe("the state of a window", () => {
    const firings: Omit<WindowSpec["aggregate"], "create" | "add" | "merge"> = {
      windowState,
      result: (count: number, ctx: Context) => {
        ctx.emit(`${String(ctx.key)} ${ctx.window.start}: ${count}, firing ${inWindow(ctx)}`);
      },
    };

    test("is there in its later firings, of its key alone, also after a restore", () => {
      let driver = open(create(), firings, { allowedLatenessMs: 100 });
      driver.push("a", "", 1);
      driver.push("b", "", 2);
      driver.push("a", "", 11);
      driver.advance(19);
      expect(driver.sorted()).toEqual([
        "a 0: 1, firing 1",
        "a 10: 1, firing 1",
        "b 0: 1, firing 1",
      ]);
      driver = driver.restore();
      driver.push("a", "", 3);
      driver.push("a", "", 4);
      driver.push("b", "", 12);
      expect(driver.results()).toEqual([
        "a 0: 2, firing 2",
        "a 0: 3, firing 3",
        "b 10: 1, firing 1",
      ]);
    });

    test("is gone with the window", () => {
      const driver = open(create(), firings, { allowedLatenessMs: 100 });
      driver.push("a", "", 1);
      driver.advance(9);
      expect(driver.cellCount).toBe(2);
      driver.advance(109);
      expect(driver.cellCount).toBe(0);
    });

    test("outlives that its records are purged", () => {
      const trigger = { kind: "purging", of: { kind: "count", count: 2 } } as const;
      const driver = open(create(), firings, { trigger });
      for (const atMs of [1, 2, 3, 4]) driver.push("a", "", atMs);
      expect(driver.results()).toEqual(["a 0: 2, firing 1", "a 0: 2, firing 2"]);
    });

    test("may be of all kinds", () => {
      let driver = open(
        create(),
        {
          windowState,
          result: (count: number, ctx: Context) => {
            const { sizes, byName } = ctx.windowState;
            sizes.add(count);
            byName.set(["size", count], count);
            if (count > 2) byName.delete(["size", count - 2]);
            ctx.emit([sizes.get(), byName.get(["size", 2]), [...byName.entries()].length]);
          },
        },
        { trigger: { kind: "count", count: 1 } },
      );
      driver.push("a", "", 1);
      driver.push("a", "", 2);
      expect(driver.results()).toEqual([
        [[1], undefined, 1],
        [[1, 2], 2, 2],
      ]);
      driver = driver.restore();
      driver.push("a", "", 3);
      driver.push("a", "", 4);
      expect(driver.results()).toEqual([
        [[1, 2, 3], 2, 2],
        [[1, 2, 3, 4], undefined, 2],
      ]);
    });

    test("what cannot be in it is refused by its name", () => {
      const driver = open(create(), {
        windowState,
        result: (_count: number, ctx: Context) => ctx.windowState.firings.set(undefined),
      });
      driver.push("a", "", 1);
      expect(() => driver.advance(9)).toThrow("operator op: windowState.firings.set(undefined)");
    });
  });

  describe("onClear", () => {
    const told: Omit<WindowSpec["aggregate"], "create" | "add" | "merge"> = {
      windowState,
      globalState: { windows: value },
      result: (count: number, ctx: Context) => {
        ctx.emit(
          `${ctx.window.start}: ${count}, firing ${inWindow(ctx)}, behind ${ctx.globalState.windows.get() ?? 0}`,
        );
      },
      // What it adds up is seen by the windows behind it.
      onClear: (ctx: Context) => {
        const { windows } = ctx.globalState;
        windows.set((windows.get() ?? 0) + (ctx.windowState.firings.get() ?? 0));
      },
    };

    test("comes behind a window's last firing, with its state, once", () => {
      const driver = open(create(), told, { allowedLatenessMs: 10 });
      for (const atMs of [1, 11, 21, 35]) driver.push("a", "", atMs);
      driver.advance(9);
      driver.push("a", "", 2);
      // Over at 19, as the window from 10 on fires.
      driver.advance(19);
      driver.advance(Infinity);
      const results = driver.results();
      expect(results.slice(0, 2)).toEqual(["0: 1, firing 1, behind 0", "0: 2, firing 2, behind 0"]);
      expect(results.slice(3)).toEqual(["20: 1, firing 1, behind 2", "30: 1, firing 1, behind 3"]);
      expect(results).toHaveLength(5);
    });

    test("comes also for a session, whose parts became one before", () => {
      const driver = open(
        create(),
        {
          globalState: { windows: value },
          result: (count: number, ctx: Context) => ctx.emit([count, ctx.globalState.windows.get()]),
          onClear: (ctx: Context) => void inKey(ctx),
        },
        { assigner: { kind: "session", gapMs: 10 } },
      );
      for (const atMs of [0, 15, 8, 100]) driver.push("a", "", atMs);
      driver.advance(Infinity);
      expect(driver.results()).toEqual([
        [3, undefined],
        [1, 1],
      ]);
    });
  });

  describe("the state of a key over its windows", () => {
    const numbered: Omit<WindowSpec["aggregate"], "create" | "add" | "merge"> = {
      globalState: { windows: value },
      result: (count: number, ctx: Context) => {
        ctx.emit(`${String(ctx.key)} ${ctx.window.start}: ${count}, window ${inKey(ctx)}`);
      },
    };
    const spec: WindowSpec = {
      kind: "window",
      assigner: tumbling,
      allowedLatenessMs: 0,
      aggregate: { ...counts, ...numbered },
    };
    const byCount: CountWindowSpec = {
      kind: "count-window",
      assigner: { kind: "count", size: 1, slide: 1 },
      aggregate: spec.aggregate,
    };
    const session = { kind: "session", gapMs: 2 } as const;

    test.each<[string, () => Operator]>([
      ["in panes", () => createWindowOperator(spec)],
      ["with a cell each", () => createGeneralWindowOperator({ ...spec, kind: "general-window" })],
      [
        "that are sessions",
        () => createGeneralWindowOperator({ ...spec, kind: "general-window", assigner: session }),
      ],
      ["by number of records", () => createCountWindowOperator(byCount)],
    ])("goes from window to window, over a restore: %s", (_kind, createOperator) => {
      const numbers = (driver: WindowDriver): readonly string[] =>
        driver
          .results()
          .map((text) => String(text).replace(/ .*window/, ""))
          .toSorted((left, right) => (left < right ? -1 : 1));
      let driver = new WindowDriver(createOperator, create());
      for (const atMs of [5, 15, 25]) driver.push("a", "", atMs);
      driver.push("b", "", 16);
      driver.advance(29);
      expect(numbers(driver)).toEqual(["a 1", "a 2", "a 3", "b 1"]);
      driver = driver.restore();
      driver.push("a", "", 31);
      driver.push("b", "", 45);
      driver.advance(Infinity);
      expect(numbers(driver)).toEqual(["a 4", "b 2"]);
    });

    test("with a time to live by event time is gone when a later window fires", () => {
      const ttl = { afterMs: 25, by: "event-time", refresh: "write" } as const;
      const driver = open(create(), {
        ...numbered,
        globalState: { windows: { kind: "value", version: 1, ttl } },
      });
      // Windows that fire at 9, 29 and 59: the second is 20 ms behind the first, the third 30 behind it.
      for (const atMs of [5, 25, 55]) {
        driver.push("a", "", atMs);
        driver.advance(atMs + 4);
      }
      expect(driver.results()).toEqual([
        "a 0: 1, window 1",
        "a 20: 1, window 2",
        "a 50: 1, window 1",
      ]);
    });

    test("is right for many keys of one group that fire together, whose numbers are new", () => {
      const keys = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 150, size: "max" });
      fc.assert(
        fc.property(keys, fc.array(fc.boolean(), { maxLength: 50, size: "max" }), (all, pauses) => {
          const driver = new WindowDriver(() => createWindowOperator(spec), create());
          const expected: string[] = [];
          for (const [window, part] of [all, all.slice(0, all.length / 2), all].entries()) {
            const counted = new Map<number, number>();
            for (const key of part) {
              driver.push(key, "", window * 10);
              counted.set(key, (counted.get(key) ?? 0) + 1);
            }
            const left = [...pauses];
            driver.advance(window * 10 + 9, () => left.pop() ?? false);
            for (const [key, count] of counted) {
              const before = expected.filter((text) => text.startsWith(`${key} `)).length;
              expected.push(`${key} ${window * 10}: ${count}, window ${before + 1}`);
            }
          }
          expect(driver.sorted()).toEqual(expected.toSorted((a, b) => (a < b ? -1 : 1)));
        }),
        { numRuns: 40 },
      );
    });
  });

  test("the context says the processing time, and the watermark that fires", () => {
    const driver = open(create(), {
      result: (_count: number, ctx: Context) => ctx.emit([ctx.processingTime(), ctx.watermark]),
    });
    driver.push("a", "", 1);
    driver.advanceClock(77);
    driver.advance(4);
    driver.advance(9);
    expect(driver.results()).toEqual([[77, 9]]);
  });
});
