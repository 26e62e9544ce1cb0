import {
  ByteReader,
  keyHash,
  parseCheckpointId,
  readKey,
  ValueReader,
  type CheckpointId,
} from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { entryKinds, readBlockHead, readSections } from "./block-format.ts";
import type { KeyedBackend, SnapshotCursor, StateBlock } from "./contract.ts";
import { createHeapBackend } from "./heap-backend.ts";
import { readNumberRun } from "./read-number-run.ts";
import { collidingKeys } from "./test-kit/colliding-keys.ts";

function create(usesNumberTables: boolean, maxParallelism = 4): KeyedBackend {
  const groups = { start: 0, end: maxParallelism - 1 };
  return createHeapBackend({ operatorName: "sum", groups, maxParallelism, usesNumberTables });
}

function restore(
  blocks: readonly StateBlock[],
  head: CheckpointId,
  usesNumberTables: boolean,
): KeyedBackend {
  const backend = create(usesNumberTables);
  for (const block of blocks) backend.restoreBlock(block);
  backend.finishRestore(head);
  return backend;
}

function use(backend: KeyedBackend, key: unknown): KeyedBackend {
  backend.setCurrentKey(key, keyHash(key));
  return backend;
}

function id(value: number): CheckpointId {
  return parseCheckpointId(BigInt(value));
}

function cut(
  backend: KeyedBackend,
  checkpointId: CheckpointId,
  base?: CheckpointId,
): { readonly cursor: SnapshotCursor; readonly blocks: StateBlock[] } {
  const blocks: StateBlock[] = [];
  const barrier =
    base === undefined
      ? ({ checkpointId, mode: "full" } as const)
      : ({ checkpointId, mode: "delta", base } as const);
  return { cursor: backend.beginSnapshot(barrier, (block) => blocks.push(block)), blocks };
}

function snapshot(
  backend: KeyedBackend,
  checkpointId: CheckpointId,
  base?: CheckpointId,
): readonly StateBlock[] {
  const { cursor, blocks } = cut(backend, checkpointId, base);
  expect(cursor.step(() => false)).toBe(true);
  return blocks;
}

function entryCount(blocks: readonly StateBlock[]): number {
  return blocks.reduce((sum, { cellCount }) => sum + cellCount, 0);
}

/** What the blocks say, without the order of the entries of a group. */
function described(blocks: readonly StateBlock[]): readonly unknown[] {
  return blocks.map((block) => {
    const input = new ByteReader(block.bytes);
    const head = readBlockHead(input);
    const sections = [...readSections(input)].map(({ group, bytes }) => {
      const section = new ByteReader(bytes);
      const values = new ValueReader(section);
      const entries: string[] = [];
      while (section.remaining > 0) {
        const start = section.varint();
        const { name } = head.states[start >>> 2] ?? {};
        if ((start & 3) === entryKinds.run) {
          readNumberRun(section, (key, value) => {
            entries.push(fc.stringify([name, keyHash(key) >>> 0, key, value ?? "removed"]));
          });
          continue;
        }
        const hash = section.u32();
        const key = readKey(section);
        const value = (start & 3) === entryKinds.cell ? values.read() : "removed";
        entries.push(fc.stringify([name, hash, key, value]));
      }
      return { group, size: bytes.length, entries: entries.toSorted() };
    });
    const { role, groupStart, groupEnd, cellCount } = block;
    return { role, groupStart, groupEnd, cellCount, sections };
  });
}

const keys: readonly unknown[] = [
  ["", "a", "bb", "\0", "\u00ff", "\u0100", "\ud83d\ude00", "x".repeat(70)],
  [0, -0, 1, -1.5, Number.NaN, Infinity, 2 ** 40],
  [true, null, 7n, ["a", 1], { b: 2 }],
  Array.from({ length: 20 }, (_, index) => `word-${index}`),
].flat(1);

/** undefined: cleared. */
const values: readonly unknown[] = [0, -0, 1, 2, 3, 1e300, Number.NaN, 0.1, "text", { n: 1 }, null];

type Operation =
  | { readonly kind: "set"; readonly key: number; readonly value: number }
  | { readonly kind: "update"; readonly key: number }
  | { readonly kind: "clear"; readonly key: number }
  | { readonly kind: "barrier"; readonly isFull: boolean; readonly isAborted: boolean }
  | { readonly kind: "step"; readonly checks: number; readonly isToEnd: boolean };

const key = fc.nat({ max: keys.length - 1 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      key,
      value: fc.nat({ max: values.length - 1 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("update" as const), key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("clear" as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("barrier" as const),
      isFull: fc.boolean(),
      isAborted: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      checks: fc.nat(3),
      isToEnd: fc.boolean(),
    }),
  },
);

/** One backend with its snapshots; committed in order, as far as they are not aborted. */
class Run {
  live: KeyedBackend;
  chain: readonly StateBlock[] = [];
  head: CheckpointId | undefined;
  readonly taken: (readonly StateBlock[])[] = [];
  #running: { finish: () => void; cursor: SnapshotCursor }[] = [];
  #lastId = 0;

  constructor(usesNumberTables: boolean) {
    this.live = create(usesNumberTables);
  }

  apply(step: Operation): void {
    if (step.kind === "barrier") {
      this.#barrier(step.isFull, step.isAborted);
      return;
    }
    if (step.kind === "step") {
      this.#step(step.checks, step.isToEnd);
      return;
    }
    const state = use(this.live, keys[step.key]).valueState("value");
    if (step.kind === "set") state.set(values[step.value]);
    else if (step.kind === "clear") state.clear();
    else {
      const cell = state.cellForUpdate();
      cell.value = typeof cell.value === "number" ? cell.value + 1 : 1;
    }
  }

  finish(): void {
    while (this.#running.length > 0) this.#step(0, true);
  }

  #barrier(isFull: boolean, isAborted: boolean): void {
    if (this.#running.length > 1) this.finish();
    this.#lastId += 1;
    const checkpointId = id(this.#lastId);
    const { head } = this;
    const before = isFull || head === undefined ? [] : this.chain;
    const { cursor, blocks } = cut(this.live, checkpointId, isFull ? undefined : head);
    const finish = (): void => {
      this.taken.push(blocks);
      if (isAborted) return;
      this.chain = [...before, ...blocks];
      this.head = checkpointId;
    };
    this.#running.push({ finish, cursor });
  }

  /** Counts as done only where it was stepped to the end: so all runs have the same heads. */
  #step(checks: number, isToEnd: boolean): void {
    const [running] = this.#running;
    if (running === undefined) return;
    let left = checks;
    running.cursor.step(() => {
      left -= 1;
      return left < 0 && !isToEnd;
    });
    if (!isToEnd) return;
    this.#running.shift();
    running.finish();
  }
}

function contents(backend: KeyedBackend): readonly unknown[] {
  return keys.map((each) => use(backend, each).valueState("value").get());
}

describe("numbers in tables", () => {
  test("give the same blocks as cells, up to the order of a group's entries", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 150 }), (operations) => {
        const inTables = new Run(true);
        const inCells = new Run(false);
        for (const step of operations) {
          inTables.apply(step);
          inCells.apply(step);
        }
        inTables.finish();
        inCells.finish();
        expect(inTables.taken.map(described)).toEqual(inCells.taken.map(described));
        expect(contents(inTables.live)).toEqual(contents(inCells.live));
        expect(inTables.live.cellCount()).toBe(inCells.live.cellCount());
        if (inTables.head === undefined) return;
        // Either restores the other's blocks.
        const fromCells = restore(inCells.chain, inTables.head, true);
        const fromTables = restore(inTables.chain, inTables.head, false);
        expect(contents(fromCells)).toEqual(contents(fromTables));
        expect(fromCells.cellCount()).toBe(fromTables.cellCount());
      }),
      { numRuns: 500 },
    );
  });

  test("hold many keys of one group, whose deltas hold what changed and nothing else", () => {
    const live = create(true, 1);
    const total = live.valueState<number>("total");
    const count = 100_000;
    for (let index = 0; index < count; index += 1) {
      use(live, index % 2 === 0 ? index : `word-${index}`);
      total.set(index);
    }
    expect(entryCount(snapshot(live, id(1)))).toBe(count);
    for (let index = 0; index < count; index += 1) {
      use(live, index % 2 === 0 ? index : `word-${index}`);
      expect(total.get()).toBe(index);
      if (index % 10 === 0) total.clear();
    }
    expect(entryCount(snapshot(live, id(2), id(1)))).toBe(count / 10);
    // More than half of them: the list of changes was given up.
    for (let index = 0; index < 60_000; index += 1) {
      use(live, index % 2 === 0 ? index : `word-${index}`);
      total.set(-index);
    }
    expect(entryCount(snapshot(live, id(3), id(2)))).toBe(60_000);
    expect(live.cellCount()).toBe(count - 4_000);
    expect(entryCount(snapshot(live, id(4), id(3)))).toBe(0);
  });

  test("leave what changed behind the barrier only out of a delta, with no list of changes too (I3)", () => {
    const live = create(true, 1);
    const total = live.valueState<number>("total");
    const write = (key: number, value: number): void => {
      use(live, key);
      total.set(value);
    };
    for (let key = 0; key < 3_000; key += 1) write(key, 1);
    const full = snapshot(live, id(1));
    for (let key = 0; key < 2_900; key += 1) write(key, 2);
    const { cursor, blocks } = cut(live, id(2), id(1));
    write(2_950, 3);
    cursor.step(() => false);
    expect(entryCount(blocks)).toBe(2_900);
    const restored = create(true, 1);
    for (const block of [...full, ...blocks]) restored.restoreBlock(block);
    restored.finishRestore(id(2));
    expect(use(restored, 2_950).valueState("total").get()).toBe(1);
  });

  test("keep a key that its hash does not tell from hundreds of others", () => {
    const live = create(true);
    const total = live.valueState<number>("total");
    const colliding = collidingKeys(2_000);
    const setAll = (): void => {
      for (const [index, key] of colliding.entries()) {
        use(live, key);
        const cell = total.cellForUpdate();
        cell.value = (cell.value ?? 0) + index;
      }
    };
    setAll();
    setAll();
    expect(new Set(colliding.map(keyHash)).size).toBe(1);
    for (const usesNumberTables of [true, false]) {
      const restored = restore(snapshot(live, id(1)), id(1), usesNumberTables);
      for (const [index, key] of colliding.entries()) {
        expect(use(restored, key).valueState("total").get()).toBe(2 * index);
      }
    }
  });

  test("forget removed keys once a base covers that, and use their memory again", () => {
    const live = create(true, 1);
    const total = live.valueState<number>("total");
    let head: CheckpointId | undefined;
    for (let round = 1; round <= 50; round += 1) {
      for (let index = 0; index < 500; index += 1) {
        use(live, `round-${round}-${index}`);
        total.set(index);
      }
      snapshot(live, id(2 * round - 1), head);
      for (let index = 0; index < 500; index += 1) {
        use(live, `round-${round}-${index}`);
        total.clear();
      }
      expect(live.cellCount()).toBe(0);
      const removals = snapshot(live, id(2 * round), id(2 * round - 1));
      expect(entryCount(removals)).toBeLessThanOrEqual(500);
      head = id(2 * round);
    }
  });
});

test("looking ahead changes nothing, whatever the hashes are", () => {
  const backend = create(true);
  const state = backend.valueState<number>("sum");
  for (let key = 0; key < 6_000; key += 1) {
    use(backend, `key-${key}`);
    state.set(key);
    if (key % 7 === 0) state.clear();
  }
  const readAll = (): readonly (number | undefined)[] =>
    Array.from({ length: 6_001 }, (_, key) => {
      use(backend, `key-${key}`);
      return state.get();
    });
  const before = readAll();
  const hashes = fc.int32Array({ minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(hashes, fc.nat(200), (ahead, from) => {
      for (let index = 0; index < ahead.length; index += 2) ahead[index] = keyHash(`key-${index}`);
      backend.lookAhead(ahead, Math.min(from, ahead.length), ahead.length);
      backend.lookAhead(ahead, 0, ahead.length + 5);
    }),
    { numRuns: 30 },
  );
  expect(readAll()).toEqual(before);
  expect(backend.cellCount()).toBe(before.filter((value) => value !== undefined).length);
});
