import { isDeepStrictEqual } from "node:util";

import { keyHash } from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { KeyedBackend, PaneState, StateBlock } from "./contract.ts";
import { createBackend, numberLayouts, restore, use } from "./test-kit/backends.ts";
import { chainWith } from "./test-kit/block-chain.ts";
import { cut, deltaBarrier, fullBarrier, pauseAfter, type Cut } from "./test-kit/snapshots.ts";

const paneStarts = [-5, 0, 5];

/** Of every kind that number tables have or refuse. */
const keys: readonly unknown[] = [
  "key",
  "k\u00ff",
  "\u0431",
  "a key of more than eight code units",
  "",
  1,
  -0,
  Number.NaN,
  1.5,
  ["key", 1],
  ["key", 2],
  true,
  null,
  12n,
];

/** What panes hold, in plain maps: by pane, then by the key's index. */
type Model = Map<number, Map<number, unknown>>;

function copyOf(model: Model): Model {
  return new Map([...model].map(([pane, values]) => [pane, structuredClone(values)] as const));
}

function indexOf(key: unknown): number {
  return keys.findIndex((known) => JSON.stringify(plain(known)) === JSON.stringify(plain(key)));
}

/** For comparing keys by their JSON. */
function plain(key: unknown): unknown {
  if (typeof key === "bigint" || Number.isNaN(key)) return { name: String(key) };
  return key === 0 ? 0 : key;
}

/** Returns what a join gives, by the key's index: its values in their order. */
function joined(state: PaneState<unknown>, panes: readonly number[]): Map<number, unknown[]> {
  const values = new Map<number, unknown[]>();
  const join = state.join(panes);
  while (join.nextGroup()) {
    const ofGroup: unknown[][] = [];
    while (join.next()) (ofGroup[join.slot] ??= []).push(join.value);
    for (const [slot, ofKey] of ofGroup.entries()) {
      const key = join.keyAt(slot);
      expect(join.hashAt(slot)).toBe(keyHash(key));
      const keyIndex = indexOf(key);
      expect(values.has(keyIndex)).toBe(false);
      values.set(keyIndex, ofKey);
    }
  }
  return values;
}

function expectHolds(backend: KeyedBackend, model: Model): void {
  const state = backend.paneState<unknown>("panes");
  const full = [...model].filter(([, values]) => values.size > 0);
  expect(state.panes()).toEqual(full.map(([pane]) => pane).toSorted((a, b) => a - b));
  expect(backend.cellCount()).toBe(full.reduce((count, [, { size }]) => count + size, 0));
  const expected = new Map<number, unknown[]>();
  for (const pane of paneStarts) {
    for (const [keyIndex, value] of model.get(pane) ?? []) {
      expected.set(keyIndex, [...(expected.get(keyIndex) ?? []), value]);
      use(backend, keys[keyIndex]);
      expect(state.get(pane)).toEqual(value);
    }
    const visited = new Map<number, unknown>();
    state.forEachKey(pane, (key, hash, value) => {
      expect(hash).toBe(keyHash(key));
      visited.set(indexOf(key), value);
    });
    expect(visited).toEqual(model.get(pane) ?? new Map());
  }
  expect(joined(state, paneStarts)).toEqual(expected);
  expect(joined(state, [0])).toEqual(
    new Map([...(model.get(0) ?? [])].map(([keyIndex, value]) => [keyIndex, [value]] as const)),
  );
}

type Step =
  | {
      readonly kind: "set";
      readonly pane: number;
      readonly keyIndex: number;
      readonly value: unknown;
    }
  | { readonly kind: "drop"; readonly pane: number }
  | { readonly kind: "barrier"; readonly mode: "full" | "delta" }
  | { readonly kind: "encode"; readonly count: number }
  | { readonly kind: "abort" };

const pane = fc.constantFrom(...paneStarts);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      pane,
      keyIndex: fc.nat({ max: keys.length - 1 }),
      value: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom<unknown>(1, 2.5, -0, Number.NaN) },
        fc.constantFrom<unknown>("text", { count: 1 }),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop" as const), pane }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("barrier" as const),
      mode: fc.constantFrom("full" as const, "delta" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("encode" as const), count: fc.nat({ max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "abort" as const }) },
);

interface PendingSnapshot extends Cut {
  readonly number: number;
  /** What panes held at its barrier. */
  readonly at: Model;
}

/** A backend with panes, the model of it, and its checkpoints as a job takes and restores them. */
class Subject {
  readonly live: KeyedBackend;
  readonly model: Model = new Map();
  readonly #usesNumberTables: boolean;
  restoreCount = 0;
  #lastNumber = 0;
  #pending: PendingSnapshot | undefined;
  #head: number | undefined;
  #chain: readonly StateBlock[] = [];

  constructor(usesNumberTables: boolean) {
    this.#usesNumberTables = usesNumberTables;
    this.live = createBackend({ usesNumberTables });
  }

  run(next: Step): void {
    switch (next.kind) {
      case "set":
        return this.#set(next.pane, next.keyIndex, next.value);
      case "drop":
        this.model.delete(next.pane);
        return this.live.paneState("panes").dropPane(next.pane);
      case "barrier":
        return this.#begin(next.mode);
      case "encode":
        return this.#encode(next.count);
      case "abort":
        this.#pending?.cursor.cancel();
        this.#pending = undefined;
        return;
    }
  }

  /** Completes what is pending, and one more checkpoint. */
  finish(): void {
    this.#encode(Infinity);
    this.#begin("delta");
    this.#encode(Infinity);
  }

  #set(start: number, keyIndex: number, value: unknown): void {
    const cell = use(this.live, keys[keyIndex]).paneState<unknown>("panes").cellForUpdate(start);
    const values = this.model.get(start) ?? new Map<number, unknown>();
    if (!isDeepStrictEqual(cell.value, values.get(keyIndex))) {
      throw new Error(`a cell has ${String(cell.value)}, and not ${String(values.get(keyIndex))}`);
    }
    cell.value = value;
    this.model.set(start, values.set(keyIndex, value));
  }

  #begin(mode: "full" | "delta"): void {
    if (this.#pending !== undefined) return;
    this.#lastNumber += 1;
    const barrierOf = mode === "full" ? fullBarrier : deltaBarrier;
    const barrier = barrierOf(this.#lastNumber, { since: this.#head });
    const at = copyOf(this.model);
    this.#pending = { ...cut(this.live, barrier), number: this.#lastNumber, at };
  }

  #encode(stepCount: number): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const isDone = pending.cursor.step(pauseAfter(stepCount));
    if (!isDone) return;
    this.#pending = undefined;
    this.#head = pending.number;
    this.#chain = chainWith(this.#chain, pending.blocks);
    for (const usesNumberTables of [this.#usesNumberTables, !this.#usesNumberTables]) {
      const fresh = createBackend({ usesNumberTables });
      expectHolds(restore(fresh, this.#chain, pending.number), pending.at);
      this.restoreCount += 1;
    }
  }
}

describe.each(numberLayouts)("panes with %s", (_name, usesNumberTables) => {
  test("hold what plain maps would, also restored, whatever happens between the steps (I3-I5)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const subject = new Subject(usesNumberTables);
        for (const next of steps) subject.run(next);
        subject.finish();
        expectHolds(subject.live, subject.model);
        expect(subject.restoreCount).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });

  test("join many keys of one group", () => {
    const backend = createBackend({ usesNumberTables });
    const state = backend.paneState<number>("panes");
    const expected = new Map<string, number[]>();
    for (const start of paneStarts) {
      for (let number = 0; number < 1_000; number += 1) {
        if ((number + start) % 3 === 0) continue;
        const key = `key number ${number}`;
        use(backend, key);
        state.cellForUpdate(start).value = start * number;
        expected.set(key, [...(expected.get(key) ?? []), start * number]);
      }
    }
    const found = new Map<string, number[]>();
    const join = state.join(paneStarts);
    while (join.nextGroup()) {
      const ofGroup: number[][] = [];
      while (join.next()) (ofGroup[join.slot] ??= []).push(join.value);
      for (const [slot, values] of ofGroup.entries()) found.set(String(join.keyAt(slot)), values);
    }
    expect(found).toEqual(expected);
  });
});
