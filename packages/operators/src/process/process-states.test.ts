import {
  keyGroupOf,
  keyGroupRangeOf,
  keyHash,
  parseCheckpointId,
  silentLogger,
  type Clock,
  type LocalDisk,
} from "@millrace/core";
import { createStateModel } from "@millrace/graph";
import { createHeapBackend, type KeyedBackend, type StateBlock } from "@millrace/state";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createOperator } from "../create-operator.ts";
import type { Operator } from "../operator.ts";

const maxParallelism = 8;

/** The handles of the states below, as an author sees them. */
interface States {
  readonly value: Value & { update(change: (value: number | undefined) => number): void };
  readonly list: {
    get(): readonly number[];
    add(value: number): void;
    addAll(values: readonly number[]): void;
    set(values: readonly number[]): void;
    clear(): void;
  };
  readonly map: {
    get(key: MapKey): unknown;
    has(key: MapKey): boolean;
    set(key: MapKey, value: number): void;
    delete(key: MapKey): void;
    update(key: MapKey, change: (value: number | undefined) => number): void;
    clear(): void;
    isEmpty(): boolean;
    entries(): Iterable<readonly [MapKey, number]>;
  };
  readonly reducing: Adding;
  readonly aggregating: Adding;
}

interface Value {
  get(): number | undefined;
  set(value: number): void;
  clear(): void;
}

interface Adding {
  get(): unknown;
  add(value: number): void;
  clear(): void;
}

type Specs = Parameters<typeof createStateModel>[0];

type MapKey = string | number | readonly [string, number];

function specsWith(ttl: Specs[string]["ttl"]): Specs {
  const shared = { version: 1, ...(ttl === undefined ? {} : { ttl }) };
  return {
    value: { kind: "value", ...shared },
    list: { kind: "list", ...shared },
    map: { kind: "map", ...shared },
    reducing: {
      kind: "reducing",
      ...shared,
      reduce: (left: number, right: number) => left * 2 + right,
    },
    aggregating: {
      kind: "aggregating",
      ...shared,
      create: () => ({ values: [] }),
      add: (sum: { values: number[] }, value: number) => void sum.values.push(value),
      result: (sum: { values: readonly number[] }) => sum.values.join(),
    },
  };
}

/** One call of a handle; what it returns is what the state says. */
type Call = (states: States) => unknown;

const mapKeys = fc.constantFrom<MapKey>("a", 1, ["a", 1]);
const values = fc.integer({ min: -3, max: 300 });
const lists = fc.array(values, { maxLength: 3 });

type NamedCall = readonly [string, Call];

/** Calls by kind of state, with names, which are printed where a run fails. */
const calls: Readonly<Record<keyof States, fc.Arbitrary<NamedCall>>> = {
  value: fc.oneof(
    fc.constantFrom<NamedCall>(
      ["get", (s) => s.value.get()],
      ["clear", (s) => s.value.clear()],
      ["update", (s) => s.value.update((value = 0) => value + 1)],
    ),
    values.map((value): NamedCall => [`set ${value}`, (s) => s.value.set(value)]),
  ),
  list: fc.oneof(
    fc.constantFrom<NamedCall>(["get", (s) => [...s.list.get()]], ["clear", (s) => s.list.clear()]),
    values.map((value): NamedCall => [`add ${value}`, (s) => s.list.add(value)]),
    lists.map((all): NamedCall => [`addAll ${all.join()}`, (s) => s.list.addAll(all)]),
    lists.map((all): NamedCall => [`set ${all.join()}`, (s) => s.list.set(all)]),
  ),
  map: fc.oneof(
    fc.constantFrom<NamedCall>(
      ["clear", (s) => s.map.clear()],
      ["isEmpty", (s) => s.map.isEmpty()],
      ["entries", (s) => sorted(s.map.entries())],
    ),
    mapKeys.map((key): NamedCall => [`get ${String(key)}`, (s) => s.map.get(key)]),
    mapKeys.map((key): NamedCall => [`has ${String(key)}`, (s) => s.map.has(key)]),
    mapKeys.map((key): NamedCall => [`delete ${String(key)}`, (s) => s.map.delete(key)]),
    mapKeys.map((key): NamedCall => [
      `update ${String(key)}`,
      (s) => s.map.update(key, (value = 0) => value + 1),
    ]),
    fc
      .tuple(mapKeys, values)
      .map(([key, value]): NamedCall => [`set ${String(key)}`, (s) => s.map.set(key, value)]),
  ),
  reducing: fc.oneof(
    fc.constantFrom<NamedCall>(
      ["get", (s) => s.reducing.get()],
      ["clear", (s) => s.reducing.clear()],
    ),
    values.map((value): NamedCall => [`add ${value}`, (s) => s.reducing.add(value)]),
  ),
  aggregating: fc.oneof(
    fc.constantFrom<NamedCall>(
      ["get", (s) => s.aggregating.get()],
      ["clear", (s) => s.aggregating.clear()],
    ),
    values.map((value): NamedCall => [`add ${value}`, (s) => s.aggregating.add(value)]),
  ),
};

function sorted(entries: Iterable<readonly [MapKey, number]>): readonly string[] {
  return [...entries].map((entry) => JSON.stringify(entry)).toSorted((a, b) => (a < b ? -1 : 1));
}

type Step =
  | {
      readonly kind: "call";
      readonly key: string | number;
      readonly atMs: number;
      readonly call: NamedCall;
    }
  | { readonly kind: "watermark"; readonly byMs: number }
  | {
      readonly kind: "restore";
      readonly mode: "full" | "delta";
      readonly parallelism: number;
    };

const stepsOf = (kind: keyof States): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 16,
      arbitrary: fc.record({
        kind: fc.constant("call" as const),
        key: fc.constantFrom<string | number>("ann", "bob", 4),
        atMs: fc.integer({ min: -5, max: 20 }),
        call: calls[kind],
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("watermark" as const),
        byMs: fc.integer({ min: 1, max: 30 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("restore" as const),
        mode: fc.constantFrom("full" as const, "delta" as const),
        parallelism: fc.integer({ min: 1, max: 3 }),
      }),
    },
  );

interface Subtask {
  readonly keyed: KeyedBackend;
  readonly operator: Operator;
}

interface JobOptions {
  readonly specs: Specs;
  readonly usesNumberTables: boolean;
}

/** The subtasks of one operator, and what they say; a restore makes new ones of all blocks so far. */
class Job {
  readonly #options: JobOptions;
  readonly #blocks: StateBlock[] = [];
  #subtasks: readonly Subtask[];
  #checkpointId = 0n;
  #said: unknown;
  watermarkMs = 0;

  constructor(options: JobOptions) {
    this.#options = options;
    this.#subtasks = this.#open(1);
  }

  call(key: unknown, call: Call, atMs: number): unknown {
    const hash = keyHash(key);
    const parallelism = this.#subtasks.length;
    const group = keyGroupOf(hash, maxParallelism);
    const owner = this.#subtasks.find((_subtask, subtaskIndex) => {
      const range = keyGroupRangeOf({ maxParallelism, parallelism, subtaskIndex });
      return range.start <= group && group <= range.end;
    });
    owner?.keyed.setCurrentKey(key, hash);
    owner?.operator.onRecord(call, atMs);
    return this.#said;
  }

  restore(mode: "full" | "delta", parallelism: number): void {
    const base = this.#checkpointId === 0n ? undefined : parseCheckpointId(this.#checkpointId);
    this.#checkpointId += 1n;
    const checkpointId = parseCheckpointId(this.#checkpointId);
    const barrier =
      base === undefined ? { checkpointId, mode: "full" as const } : { checkpointId, base, mode };
    for (const { keyed } of this.#subtasks) {
      const cursor = keyed.beginSnapshot(barrier, (block) => void this.#blocks.push(block));
      while (!cursor.step(() => false));
    }
    this.#subtasks = this.#open(parallelism);
  }

  #open(parallelism: number): readonly Subtask[] {
    return Array.from({ length: parallelism }, (_, subtaskIndex) => {
      const { specs, usesNumberTables } = this.#options;
      const groups = keyGroupRangeOf({ maxParallelism, parallelism, subtaskIndex });
      const options = { operatorName: "op", groups, maxParallelism, usesNumberTables };
      const keyed = createHeapBackend(options);
      const operator = this.#createOperator(keyed, specs);
      for (const block of this.#blocks) keyed.restoreBlock(block);
      if (this.#checkpointId > 0n) keyed.finishRestore(parseCheckpointId(this.#checkpointId));
      return { keyed, operator };
    });
  }

  #createOperator(keyed: KeyedBackend, specs: JobOptions["specs"]): Operator {
    const operator = createOperator(
      {
        kind: "process",
        state: specs,
        onRecord: (call: Call, ctx: { readonly state: States }) => {
          this.#said = call(ctx.state);
        },
      },
      { name: "op", nodeId: 0, kind: "process", isKeyed: true, hasState: true, options: null },
    );
    operator.open({
      jobId: "job",
      operatorName: "op",
      subtaskIndex: 0,
      parallelism: 1,
      attempt: 1,
      output: { emit: () => {} },
      sideOutput: () => ({ emit: () => {} }),
      keyed,
      currentWatermarkMs: () => this.watermarkMs,
      // What authors see: nothing here goes by it.
      seenWatermarkMs: () => this.watermarkMs + 1_000_000,
      processingTimeMs: () => this.watermarkMs,
      turnTimeMs: () => this.watermarkMs,
      clock: {} as Clock,
      disk: {} as LocalDisk,
      logger: silentLogger,
      printLine: () => {},
      countLate: () => {},
    });
    return operator;
  }
}

/** Returns what the calls said, with their names, and what plain arrays and maps say. */
function run(
  all: readonly Step[],
  options: JobOptions,
): { readonly said: readonly unknown[]; readonly expected: readonly unknown[] } {
  const job = new Job(options);
  const models = new Map<unknown, States>();
  const said: unknown[] = [];
  const expected: unknown[] = [];
  let nowMs = 0;
  for (const step of all) {
    if (step.kind === "watermark") job.watermarkMs += step.byMs;
    else if (step.kind === "restore") job.restore(step.mode, step.parallelism);
    else {
      const [name, call] = step.call;
      const atMs = job.watermarkMs + step.atMs;
      nowMs = Math.max(atMs, job.watermarkMs);
      const model = models.get(step.key) ?? modelOf(options.specs, () => nowMs);
      models.set(step.key, model);
      said.push([name, job.call(step.key, call, atMs)]);
      expected.push([name, call(model)]);
    }
  }
  return { said, expected };
}

function modelOf(specs: Specs, nowMs: () => number): States {
  return createStateModel(specs, nowMs) as object as States;
}

const timesToLive = [
  ["without a time to live", undefined],
  ["with a time to live", { afterMs: 25, by: "event-time", refresh: "write" }],
  ["with reading put off", { afterMs: 25, by: "event-time", refresh: "read-and-write" }],
] as const;

describe.each(timesToLive)("states %s", (_name, ttl) => {
  const specs = specsWith(ttl);
  test.each(["value", "list", "map", "reducing", "aggregating"] as const)(
    "are what plain arrays and maps are, over restores at any parallelism: %s",
    (kind) => {
      fc.assert(
        fc.property(
          fc.array(stepsOf(kind), { maxLength: 120, size: "max" }),
          fc.boolean(),
          (all, usesNumberTables) => {
            const { said, expected } = run(all, { specs, usesNumberTables });
            expect(said).toEqual(expected);
          },
        ),
        { numRuns: 200 },
      );
    },
  );
});
