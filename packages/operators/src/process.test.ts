import type { ProcessSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Operator } from "./operator.ts";
import { createProcessOperator } from "./process.ts";
import { setKey, testBackends, type BackendUnderTest } from "./test-backends.ts";
import { createTestContext } from "./test-context.ts";

interface Context {
  readonly key: string;
  readonly timestamp: number;
  readonly watermark: number;
  readonly state: {
    readonly last: {
      get(): number | undefined;
      set(value: number | undefined): void;
      clear(): void;
      update(change: (value: number | undefined) => number): void;
    };
  };
  readonly timers: { atEventTime(timeMs: number): void; cancel(timeMs: number): void };
  emitTo(tag: { readonly name: string }, value: unknown): void;
  emit(value: unknown): void;
}

function openProcess(
  spec: Pick<ProcessSpec, "onRecord"> & Partial<Pick<ProcessSpec, "onTimer">>,
  { keyed }: BackendUnderTest,
) {
  const operator: Operator = createProcessOperator({
    kind: "process",
    state: { last: { kind: "value", version: 1 } },
    ...spec,
  });
  const { context, recorded } = createTestContext({ keyed, watermarkMs: () => 77 });
  operator.open(context);
  const push = (key: string, value: unknown, timestampMs: number): void => {
    setKey(keyed, key);
    operator.onRecord(value, timestampMs);
  };
  const advance = (watermarkMs: number, shouldPause = () => false): boolean =>
    operator.advanceWatermark?.(watermarkMs, shouldPause) ?? true;
  return { push, advance, recorded };
}

const sessions = {
  onRecord: (_value: unknown, ctx: Context) => {
    ctx.state.last.set(ctx.timestamp);
    ctx.timers.atEventTime(ctx.timestamp + 10);
  },
  onTimer: (timeMs: number, ctx: Context) => {
    if (ctx.state.last.get() === timeMs - 10) ctx.emit({ user: ctx.key, idleSince: timeMs });
  },
};

describe.each(testBackends)("on %s", (_name, create) => {
  test("a timer fires with its key current, its own state, and its time as timestamp", () => {
    const { push, advance, recorded } = openProcess(sessions, create());
    push("ann", "x", 0);
    push("bob", "x", 3);
    push("ann", "x", 5);
    expect(advance(20)).toBe(true);
    expect(recorded.emitted).toEqual([
      { value: { user: "bob", idleSince: 13 }, timestampMs: 13 },
      { value: { user: "ann", idleSince: 15 }, timestampMs: 15 },
    ]);
  });

  test("results come in the order of the records, those of one record as they are emitted", () => {
    const { push, recorded } = openProcess(
      {
        onRecord: (value: string, ctx: Context) => {
          for (const letter of value) ctx.emit(`${ctx.key} ${letter}`);
        },
      },
      create(),
    );
    push("ann", "ba", 7);
    push("bob", "c", 3);
    push("ann", "d", 5);
    expect(recorded.emitted.map(({ value, timestampMs }) => [value, timestampMs])).toEqual([
      ["ann b", 7],
      ["ann a", 7],
      ["bob c", 3],
      ["ann d", 5],
    ]);
  });

  test("what goes to a tag has the context's time and leaves the main output alone", () => {
    const tag = { name: "even" };
    const { push, advance, recorded } = openProcess(
      {
        onRecord: (value: unknown, ctx: Context) => {
          ctx.emitTo(tag, value);
          ctx.timers.atEventTime(ctx.timestamp + 1);
        },
        onTimer: (timeMs: number, ctx: Context) => ctx.emitTo({ name: "timer" }, timeMs),
      },
      create(),
    );
    push("ann", "x", 4);
    push("bob", "y", 6);
    advance(5);
    expect(recorded.emitted).toEqual([]);
    expect([...recorded.side]).toEqual([
      [
        "even",
        [
          ["x", 4],
          ["y", 6],
        ],
      ],
      ["timer", [[5, 5]]],
    ]);
  });

  test("a timer waits for the watermark, fires at it, and fires once", () => {
    const { push, advance, recorded } = openProcess(sessions, create());
    push("ann", "x", 0);
    advance(9);
    expect(recorded.emitted).toHaveLength(0);
    advance(10);
    advance(50);
    expect(recorded.emitted).toHaveLength(1);
  });

  test("a timer in the past fires when the watermark next advances", () => {
    const { push, advance, recorded } = openProcess(
      {
        onRecord: (_value, ctx: Context) => ctx.timers.atEventTime(1),
        onTimer: (timeMs, ctx: Context) => ctx.emit(timeMs),
      },
      create(),
    );
    advance(100);
    push("ann", "x", 100);
    expect(recorded.emitted).toHaveLength(0);
    advance(101);
    expect(recorded.emitted).toEqual([{ value: 1, timestampMs: 1 }]);
  });

  test("the end of input fires all timers, also those that a firing registers", () => {
    const { push, advance, recorded } = openProcess(
      {
        onRecord: (_value, ctx: Context) => ctx.timers.atEventTime(1),
        onTimer: (timeMs: number, ctx: Context) => {
          ctx.emit(timeMs);
          if (timeMs < 4) ctx.timers.atEventTime(timeMs + 1);
        },
      },
      create(),
    );
    push("ann", "x", 0);
    expect(advance(Infinity)).toBe(true);
    expect(recorded.emitted.map(({ value }) => value)).toEqual([1, 2, 3, 4]);
  });

  test("a cancelled timer does not fire; one registered twice fires once", () => {
    const { push, advance, recorded } = openProcess(
      {
        onRecord: (value, ctx: Context) => {
          ctx.timers.atEventTime(5);
          ctx.timers.atEventTime(5);
          if (value === "cancel") ctx.timers.cancel(5);
        },
        onTimer: (_timeMs, ctx: Context) => ctx.emit(ctx.key),
      },
      create(),
    );
    push("ann", "cancel", 0);
    push("bob", "keep", 0);
    advance(9);
    expect(recorded.emitted.map(({ value }) => value)).toEqual(["bob"]);
  });

  test("firing stops when asked and goes on to the same end, wherever it is interrupted (I2)", () => {
    const long = { maxLength: 40, size: "max" } as const;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat({ max: 50 })), long),
        fc.array(fc.boolean(), long),
        (records, pauses) => {
          const run = (shouldPause: () => boolean): unknown => {
            const { push, advance, recorded } = openProcess(sessions, create());
            for (const [key, timestampMs] of records) push(key, "x", timestampMs);
            while (!advance(45, shouldPause));
            return recorded.emitted;
          };
          const left = [...pauses];
          expect(run(() => left.pop() ?? false)).toEqual(run(() => false));
        },
      ),
    );
  });

  test("timers and state go on after a restore", () => {
    const backend = create();
    openProcess(sessions, backend).push("ann", "x", 0);
    const after = openProcess(sessions, backend.restore());
    after.advance(10);
    expect(after.recorded.emitted).toEqual([
      { value: { user: "ann", idleSince: 10 }, timestampMs: 10 },
    ]);
  });

  describe("the author's context", () => {
    test("updates and clears the key's state, and says the watermark", () => {
      const { push, recorded } = openProcess(
        {
          onRecord: (value, ctx: Context) => {
            if (value === "clear") ctx.state.last.clear();
            else ctx.state.last.update((count = 0) => count + 1);
            ctx.emit([ctx.state.last.get(), ctx.watermark]);
          },
        },
        create(),
      );
      for (const value of ["x", "x", "clear", "x"]) push("ann", value, 1);
      const values = recorded.emitted.map(({ value }) => value);
      expect(values).toEqual([
        [1, 77],
        [2, 77],
        [undefined, 77],
        [1, 77],
      ]);
    });

    test.each([
      ["a timer at NaN", (ctx: Context) => ctx.timers.atEventTime(Number.NaN), "atEventTime(NaN)"],
      [
        "undefined as state",
        (ctx: Context) => ctx.state.last.set(undefined),
        "use clear() instead",
      ],
    ])("refuses %s by name", (_what, call, text) => {
      const { push } = openProcess({ onRecord: (_value, ctx: Context) => call(ctx) }, create());
      expect(() => push("ann", "x", 0)).toThrow(
        expect.objectContaining({
          code: "invalid-argument",
          message: expect.stringMatching(/^operator op: /),
        }),
      );
      expect(() => push("ann", "x", 0)).toThrow(text);
    });
  });
});
