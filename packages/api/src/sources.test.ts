import { silentLogger, type Clock, type LocalDisk } from "@millrace/core";
import type { ConnectorContext, SourceConnector, SplitHandle } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { asyncIterableSource } from "./async-iterable-source.ts";
import { datagen } from "./datagen.ts";
import { elements } from "./elements.ts";

const context: ConnectorContext = {
  jobId: "job",
  operatorName: "in",
  subtaskIndex: 0,
  parallelism: 1,
  attempt: 1,
  disk: {} as LocalDisk,
  clock: {} as Clock,
  logger: silentLogger,
};

async function open<T>(source: SourceConnector<T>, position?: number): Promise<SplitHandle<T>> {
  const [split] = await source.discover(context);
  if (split === undefined) throw new Error("no split");
  return source.createReader(context).open(split, position);
}

async function readAll<T>(handle: SplitHandle<T>): Promise<readonly T[]> {
  const records: T[] = [];
  for (;;) {
    const batch = await handle.nextBatch();
    if (batch === undefined) return records;
    records.push(...batch.records);
  }
}

describe("elements", () => {
  const values = Array.from({ length: 1_200 }, (_, index) => index);

  test("delivers all values in order and replays them from any position", async () => {
    const source = elements(values);
    expect(source.canReplay).toBe(true);
    expect(await readAll(await open(source))).toEqual(values);
    const handle = await open(source);
    await handle.nextBatch();
    const batch = await handle.nextBatch();
    const position = batch?.positionAt(7);
    expect(await readAll(await open(source, Number(position)))).toEqual(values.slice(519));
  });

  test("gives each attempt records of its own", async () => {
    const source = elements([{ count: 0 }]);
    const [first] = await readAll(await open(source));
    if (first !== undefined) first.count = 9;
    expect(await readAll(await open(source))).toEqual([{ count: 0 }]);
  });

  test("refuses more values than a plan should hold", () => {
    const many = Array.from({ length: 10_001 }, () => 1);
    expect(() => elements(many)).toThrow("10001 values, more than 10000");
  });
});

describe("an async iterable", () => {
  test("is read to its end and says that it cannot be replayed", async () => {
    const source = asyncIterableSource("in", async function* () {
      for (let index = 0; index < 5_000; index += 1) yield index;
    });
    expect(source.canReplay).toBe(false);
    const records = await readAll(await open(source));
    expect(records).toHaveLength(5_000);
    expect(records.at(-1)).toBe(4_999);
  });

  test("is not read far ahead of its reader", async () => {
    let produced = 0;
    const source = asyncIterableSource("in", async function* () {
      for (;;) yield (produced += 1);
    });
    const handle = await open(source);
    await handle.nextBatch();
    await handle.close();
    expect(produced).toBeLessThanOrEqual(1_025);
  });

  test("hands out a record as soon as it is there", async () => {
    let release: (value: number) => void = () => {};
    const later = new Promise<number>((resolve) => {
      release = resolve;
    });
    const source = asyncIterableSource("in", async function* () {
      yield 1;
      yield await later;
    });
    const handle = await open(source);
    expect((await handle.nextBatch())?.records).toEqual([1]);
    const next = handle.nextBatch();
    release(2);
    expect((await next)?.records).toEqual([2]);
  });

  test("fails with the source's name, after the records before the failure", async () => {
    const source = asyncIterableSource("in", async function* () {
      yield 1;
      throw new Error("line broke");
    });
    const handle = await open(source);
    expect((await handle.nextBatch())?.records).toEqual([1]);
    await expect(handle.nextBatch()).rejects.toMatchObject({
      code: "source-failed",
      message: expect.stringContaining("source in: its async iterable threw: line broke"),
    });
  });

  test("is returned when its reader is closed, whether it waits for a value or not", async () => {
    const closed: string[] = [];
    const source = asyncIterableSource("in", () => waitingFor(closed));
    const [split] = await source.discover(context);
    if (split === undefined) throw new Error("no split");
    const reader = source.createReader(context);
    const handle = await reader.open(split, undefined);
    expect((await handle.nextBatch())?.records).toEqual([1]);
    const next = handle.nextBatch();
    await reader.close?.();
    await reader.close?.();
    expect(closed).toEqual(["returned"]);
    expect(await next).toBeUndefined();

    const full = asyncIterableSource("in", async function* () {
      try {
        for (;;) yield 1;
      } finally {
        closed.push("finally");
      }
    });
    const other = full.createReader(context);
    await (await other.open(split, undefined)).nextBatch();
    await other.close?.();
    await other.close?.();
    expect(closed).toEqual(["returned", "finally"]);
  });

  test("counts positions on from where it was", async () => {
    const handle = await open(
      asyncIterableSource("in", async function* () {
        yield "x";
      }),
      41,
    );
    expect((await handle.nextBatch())?.positionAt(1)).toBe(42);
  });
});

describe("datagen", () => {
  const square = (n: number): number => n * n;

  test("gives each number once over all of its splits, and replays from any position", async () => {
    const source = datagen({ generate: square, count: 2_000, splits: 3 });
    expect(source).toMatchObject({ canReplay: true });
    expect(source.isBounded).toBeUndefined();
    const splits = await source.discover(context);
    const reader = source.createReader(context);
    const all: number[] = [];
    for (const split of splits) {
      const whole = await readAll(await reader.open(split, undefined));
      const handle = await reader.open(split, undefined);
      const position = (await handle.nextBatch())?.positionAt(100);
      expect(await readAll(await reader.open(split, position))).toEqual(whole.slice(100));
      all.push(...whole);
    }
    const expected = Array.from({ length: 2_000 }, (_, n) => square(n));
    expect(all.toSorted((left, right) => left - right)).toEqual(expected);
  });

  test("without a count has no end, and as many splits as there are readers at first", async () => {
    const source = datagen({ generate: square });
    expect(source.isBounded).toBe(false);
    expect(await source.discover({ ...context, parallelism: 4 })).toHaveLength(4);
    const handle = await open(source, 1_000_000);
    expect((await handle.nextBatch())?.records[0]).toBe(square(1_000_000));
  });

  test("refuses a count or a number of splits that there cannot be", () => {
    expect(() => datagen({ generate: square, count: -1 })).toThrow("datagen: count is -1");
    expect(() => datagen({ generate: square, splits: 0 })).toThrow("datagen: splits is 0");
  });
});

/** One value, and then none until it is returned; as a stream of Node. */
function waitingFor(closed: string[]): AsyncIterable<number> {
  const waiting = Promise.withResolvers<IteratorResult<number>>();
  let given = 0;
  const iterator: AsyncIterator<number> = {
    next: () => {
      given += 1;
      return given === 1 ? Promise.resolve({ done: false, value: 1 }) : waiting.promise;
    },
    return: () => {
      closed.push("returned");
      const over = { done: true, value: undefined } as const;
      waiting.resolve(over);
      return Promise.resolve(over);
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
