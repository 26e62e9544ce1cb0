import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { KeyedBackend, StateBlock } from "./contract.ts";
import { createBackend, numberLayouts, restore, use } from "./test-kit/backends.ts";
import { entryCount } from "./test-kit/read-block.ts";
import {
  cut,
  deltaBarrier,
  fullBarrier,
  pauseAfter,
  runToEnd,
  takeSnapshot,
  type Cut,
} from "./test-kit/snapshots.ts";

const maxParallelism = 8;
const times = [1, 2, 3, 4, 5];

/** Of every kind that number tables have or refuse. */
function keyOf(index: number): unknown {
  switch (index % 4) {
    case 0:
      return index / 8;
    case 1:
      return `\u0431${index}`;
    case 2:
      return ["key", index];
    default:
      return `key-${index}`;
  }
}

/** Numbers mostly; what else a key's value is lives in a cell. */
function valueOf(count: number): unknown {
  return count % 5 === 0 ? { count } : count - 0.5 * (count % 3);
}

/** Everything that the contract lets one read, by key. */
function contents(backend: KeyedBackend, keyCount: number): readonly unknown[] {
  const value = backend.valueState("value");
  const panes = backend.paneState<number[]>("panes");
  const values = Array.from({ length: keyCount }, (_, index) => {
    use(backend, keyOf(index));
    return [keyOf(index), structuredClone(value.get())];
  });
  const paneValues = panes.panes().flatMap((pane) => {
    const found: unknown[] = [];
    panes.forEachKey(pane, (key, hash, sum) => found.push([pane, key, hash, [...sum]]));
    return found.toSorted((left, right) => (String(left) < String(right) ? -1 : 1));
  });
  return [values, paneValues];
}

function drainTimers(backend: KeyedBackend): readonly string[] {
  const fired: string[] = [];
  for (;;) {
    const due = backend.timers().popDue(Infinity);
    if (due === undefined) return fired.toSorted();
    fired.push(`${due.timeMs} ${String(due.key)}`);
  }
}

type Operation =
  | { readonly kind: "set"; readonly key: number; readonly count: number }
  | { readonly kind: "clear"; readonly key: number }
  | { readonly kind: "pane"; readonly key: number; readonly pane: number; readonly add: number }
  | { readonly kind: "drop"; readonly pane: number }
  | { readonly kind: "timer"; readonly key: number; readonly time: number }
  | { readonly kind: "remove-timer"; readonly key: number; readonly time: number }
  | { readonly kind: "fire"; readonly time: number }
  | { readonly kind: "barrier"; readonly isFull: boolean; readonly isAborted: boolean }
  | { readonly kind: "step"; readonly cells: number }
  | { readonly kind: "crash" };

const key = fc.nat({ max: 11 });
const pane = fc.integer({ min: 0, max: 3 });
const time = fc.constantFrom(...times);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), key, count: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("clear" as const), key }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("pane" as const), key, pane, add: fc.nat(99) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop" as const), pane }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("timer" as const), key, time }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove-timer" as const), key, time }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fire" as const), time }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("barrier" as const),
      isFull: fc.boolean(),
      isAborted: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("step" as const), cells: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const) }) },
);

interface RunningSnapshot extends Cut {
  readonly isAborted: boolean;
  /** Makes it the head. */
  readonly commit: () => void;
}

/** A twin gets the same writes, all in cells, and no snapshots: what a barrier must have seen. */
class Run {
  live: KeyedBackend;
  /** Blocks of the last checkpoint that was committed, oldest first. */
  committed: readonly StateBlock[] = [];
  /** Its number. */
  head: number | undefined;
  readonly #create: () => KeyedBackend;
  #writes: ((backend: KeyedBackend) => void)[] = [];
  readonly #chains = new Map<number, readonly StateBlock[]>();
  #writesAtHead = 0;
  #running: RunningSnapshot[] = [];
  #lastNumber = 0;

  constructor(create: () => KeyedBackend) {
    this.#create = create;
    this.live = create();
  }

  apply(step: Operation): void {
    if (step.kind === "barrier") this.#barrier(step.isFull, step.isAborted);
    else if (step.kind === "step") this.#step(step.cells);
    else if (step.kind === "crash") this.#crash();
    else {
      const write = (backend: KeyedBackend): void => writeTo(backend, step);
      write(this.live);
      this.#writes.push(write);
    }
  }

  twinAtHead(): KeyedBackend {
    const twin = createBackend({ maxParallelism, usesNumberTables: false });
    for (const write of this.#writes.slice(0, this.#writesAtHead)) write(twin);
    return twin;
  }

  finishSnapshots(): void {
    while (this.#running.length > 0) this.#step(1_000);
  }

  #barrier(isFull: boolean, isAborted: boolean): void {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { head } = this;
    const barrierOf = isFull ? fullBarrier : deltaBarrier;
    const { cursor, blocks } = cut(this.live, barrierOf(number, { since: head }));
    const writesAtBarrier = this.#writes.length;
    const commit = (): void => {
      // On the chain of its base, which need not be the head any more.
      const chain = isFull || head === undefined ? [] : (this.#chains.get(head) ?? []);
      this.committed = [...chain, ...blocks];
      this.#chains.set(number, this.committed);
      this.head = number;
      this.#writesAtHead = writesAtBarrier;
    };
    if (this.#running.length > 1) this.finishSnapshots();
    this.#running.push({ cursor, blocks, commit, isAborted });
  }

  /** All is lost but the head; it goes on from there. */
  #crash(): void {
    this.#running = [];
    this.#writes = this.#writes.slice(0, this.#writesAtHead);
    if (this.head === undefined) this.#writes = [];
    const fresh = this.#create();
    this.live = this.head === undefined ? fresh : restore(fresh, this.committed, this.head);
  }

  #step(cells: number): void {
    const [running] = this.#running;
    if (running === undefined) return;
    const isDone = running.cursor.step(pauseAfter(Math.ceil(cells / 16)));
    if (!isDone) return;
    this.#running.shift();
    if (!running.isAborted) running.commit();
  }
}

function writeTo(
  backend: KeyedBackend,
  step: Exclude<Operation, { kind: "barrier" | "step" | "crash" }>,
): void {
  if ("key" in step) use(backend, keyOf(step.key));
  switch (step.kind) {
    case "set":
      return backend.valueState("value").set(valueOf(step.count));
    case "clear":
      return backend.valueState("value").clear();
    case "pane": {
      const cell = backend.paneState<number[]>("panes").cellForUpdate(step.pane);
      cell.value ??= [];
      cell.value.push(step.add);
      return undefined;
    }
    case "drop":
      return backend.paneState("panes").dropPane(step.pane);
    case "timer":
      return backend.timers().register(step.time);
    case "remove-timer":
      return backend.timers().remove(step.time);
    case "fire":
      while (backend.timers().popDue(step.time) !== undefined);
      return undefined;
  }
}

/** How many cells each part has when the state is split over other ranges. */
function partCounts(
  blocks: readonly StateBlock[],
  checkpoint: number,
  usesNumberTables: boolean,
): readonly number[] {
  return [
    { start: 0, end: 2 },
    { start: 3, end: 5 },
    { start: 6, end: 7 },
  ].map((groups) => {
    const part = createBackend({ maxParallelism, groups, usesNumberTables });
    return restore(part, blocks, checkpoint).cellCount();
  });
}

describe.each(numberLayouts)("with %s", (_name, usesNumberTables) => {
  const create = (): KeyedBackend => createBackend({ maxParallelism, usesNumberTables });

  describe("a restored backend", () => {
    test("is what the live one was at the barrier, whatever happened between the steps (I3-I5)", () => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 120, size: "max" }), (operations) => {
          const run = new Run(create);
          for (const step of operations) run.apply(step);
          run.finishSnapshots();
          if (run.head === undefined) return;
          const restored = restore(create(), run.committed, run.head);
          const twin = run.twinAtHead();
          expect(contents(restored, 12)).toEqual(contents(twin, 12));
          expect(restored.cellCount()).toBe(twin.cellCount());
          expect(drainTimers(restored)).toEqual(drainTimers(twin));
          const twinCount = run.twinAtHead().cellCount();
          const parts = partCounts(run.committed, run.head, usesNumberTables);
          expect(parts.reduce((sum, part) => sum + part)).toBe(twinCount);
        }),
        { numRuns: 500 },
      );
    });

    test("goes on with deltas against the checkpoint that it was restored from", () => {
      const live = create();
      for (let index = 0; index < 12; index += 1) {
        writeTo(live, { kind: "set", key: index, count: index });
        writeTo(live, { kind: "pane", key: index, pane: 0, add: 1 });
        writeTo(live, { kind: "timer", key: index, time: 5 });
      }
      const first = takeSnapshot(live, fullBarrier(1));
      const next = restore(create(), first, 1);
      writeTo(next, { kind: "clear", key: 3 });
      writeTo(next, { kind: "drop", pane: 0 });
      writeTo(next, { kind: "fire", time: 5 });
      const second = takeSnapshot(next, deltaBarrier(2, { since: 1 }));
      expect(second.every(({ role }) => role === "delta")).toBe(true);
      const last = restore(create(), [...first, ...second], 2);
      expect(contents(last, 12)).toEqual(contents(next, 12));
      expect(drainTimers(last)).toEqual([]);
    });

    test("holds each key in exactly one part when it is split over new ranges (S9)", () => {
      const live = create();
      for (let index = 0; index < 50; index += 1) {
        writeTo(live, { kind: "set", key: index, count: index });
      }
      const parts = partCounts(takeSnapshot(live, fullBarrier(1)), 1, usesNumberTables);
      expect(parts.reduce((sum, count) => sum + count)).toBe(50);
      expect(parts.every((count) => count > 0)).toBe(true);
    });
  });

  test("a delta holds what changed and nothing else", () => {
    const live = create();
    for (let index = 0; index < 1_000; index += 1) {
      writeTo(live, { kind: "set", key: index, count: index });
    }
    const full = takeSnapshot(live, fullBarrier(1));
    writeTo(live, { kind: "set", key: 7, count: 1 });
    const delta = takeSnapshot(live, deltaBarrier(2, { since: 1 }));
    expect([entryCount(full), entryCount(delta)]).toEqual([1_000, 1]);
  });

  test("groups whose deltas grow heavier than their base are rewritten, not chained for ever", () => {
    const live = create();
    let head: number | undefined;
    const roles: string[] = [];
    for (let checkpoint = 1; checkpoint < 60; checkpoint += 1) {
      for (let index = 0; index < 20; index += 1) {
        writeTo(live, { kind: "set", key: index, count: checkpoint });
      }
      const blocks = takeSnapshot(live, deltaBarrier(checkpoint, { since: head }));
      roles.push(...blocks.map(({ role }) => role));
      head = checkpoint;
    }
    expect(roles.filter((role) => role === "base").length).toBeGreaterThan(10);
  });

  test("state that cannot be encoded is named: operator, state and path", () => {
    const live = create();
    use(live, "a")
      .valueState<unknown>("last")
      .set({ price: { of: () => 1 } });
    const { cursor } = cut(live, fullBarrier(1));
    expect(() => runToEnd(cursor)).toThrow(
      expect.objectContaining({
        code: "state-not-encodable",
        message: expect.stringMatching(/state "last" of operator sum: .*"price.of".*function/),
      }),
    );
  });

  test("a state that changes its kind between checkpoint and job is refused", () => {
    const live = create();
    live.valueState("x");
    expect(() => live.paneState("x")).toThrow(
      expect.objectContaining({ code: "state-incompatible" }),
    );
  });
});
