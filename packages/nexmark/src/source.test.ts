import { silentLogger, type JsonValue } from "@millrace/core";
import type { ConnectorContext, SourceReader, SplitDescriptor } from "@millrace/graph";
import { createMemoryDisk, createNodeClock } from "@millrace/platform";
import fc from "fast-check";
import { expect, test } from "vitest";

import type { NexmarkEvent } from "./event.ts";
import { NexmarkGenerator } from "./generator.ts";
import { nexmarkWatermarks, type NexmarkOptions } from "./options.ts";
import { nexmarkSource } from "./source.ts";

const generator = new NexmarkGenerator();
const context: ConnectorContext = {
  jobId: "q0-1",
  operatorName: "events",
  subtaskIndex: 0,
  parallelism: 1,
  attempt: 1,
  disk: createMemoryDisk(),
  clock: createNodeClock(),
  logger: silentLogger,
};

interface Delivered {
  readonly event: NexmarkEvent;
  /** From which the event would be delivered first. */
  readonly position: JsonValue;
}

async function readSplit(
  reader: SourceReader<NexmarkEvent>,
  split: SplitDescriptor,
  position?: JsonValue,
): Promise<readonly Delivered[]> {
  const handle = await reader.open(split, position);
  const delivered: Delivered[] = [];
  for (
    let batch = await handle.nextBatch();
    batch !== undefined;
    batch = await handle.nextBatch()
  ) {
    for (const [index, event] of batch.records.entries()) {
      delivered.push({ event, position: batch.positionAt(index) });
    }
  }
  return delivered;
}

async function readAll(options: NexmarkOptions): Promise<readonly (readonly NexmarkEvent[])[]> {
  const source = nexmarkSource(options);
  // A descriptor travels as JSON.
  const splits: readonly SplitDescriptor[] = JSON.parse(
    JSON.stringify(await source.discover(context)),
  );
  const reader = source.createReader(context);
  const read: (readonly NexmarkEvent[])[] = [];
  for (const split of splits) {
    const delivered = await readSplit(reader, split);
    const earliestMs = Math.min(...delivered.map(({ event }) => event.dateTime));
    expect(earliestMs).toBeGreaterThanOrEqual(split.lowerBoundMs ?? Infinity);
    read.push(delivered.map(({ event }) => event));
  }
  return read;
}

const anyOptions = fc.record(
  {
    events: fc.integer({ min: 1, max: 3_000 }),
    splits: fc.integer({ min: 1, max: 5 }),
    stretchEvents: fc.integer({ min: 100, max: 2_000 }),
    outOfOrderGroup: fc.integer({ min: 1, max: 150 }),
    intervalMicros: fc.constantFrom(10, 700, 1_000),
  },
  { requiredKeys: ["events"] },
);

test("the splits together hold every event once, whatever the splits, stretches and order", async () => {
  const property = fc.asyncProperty(anyOptions, async (options) => {
    const { events, intervalMicros } = options;
    const paced = new NexmarkGenerator(intervalMicros === undefined ? {} : { intervalMicros });
    const lines = (await readAll(options)).flat().map((event) => JSON.stringify(event));
    const expected = Array.from({ length: events }, (_, number) =>
      JSON.stringify(paced.event(number)),
    );
    expect(lines.toSorted()).toEqual(expected.toSorted());
  });
  await fc.assert(property, { numRuns: 30 });
});

test("in a split no event is later than a newer one by more than its watermarks allow", async () => {
  const property = fc.asyncProperty(anyOptions, async (options) => {
    const { timestamp, outOfOrderness } = nexmarkWatermarks(options);
    const boundMs = Number.parseInt(outOfOrderness, 10);
    for (const events of await readAll(options)) {
      let newestMs = -Infinity;
      let greatestDelayMs = 0;
      for (const event of events) {
        greatestDelayMs = Math.max(greatestDelayMs, newestMs - timestamp(event));
        newestMs = Math.max(newestMs, timestamp(event));
      }
      expect(greatestDelayMs).toBeLessThanOrEqual(boundMs);
    }
  });
  await fc.assert(property, { numRuns: 30 });
});

test("events come in the order of event time unless a group is given, and then they do not", async () => {
  const ordered = await readAll({ events: 5_000, splits: 2 });
  const expected = Array.from({ length: 5_000 }, (_, number) => generator.event(number));
  expect(ordered).toEqual([
    expected.filter((_, number) => number % 2 === 0),
    expected.filter((_, number) => number % 2 === 1),
  ]);

  const [shuffled = []] = await readAll({ events: 5_000, outOfOrderGroup: 100 });
  const falls = shuffled.filter(
    ({ dateTime }, index) => dateTime < (shuffled[index - 1]?.dateTime ?? 0),
  );
  expect(falls.length).toBeGreaterThan(1_000);
});

test("reading again from the position of an event gives that event and the rest", async () => {
  const source = nexmarkSource({ events: 4_001, splits: 3, outOfOrderGroup: 7 });
  const [, split] = await source.discover(context);
  if (split === undefined) throw new Error("there is no second split");
  const reader = source.createReader(context);
  const all = await readSplit(reader, split);
  for (const index of [0, 1, 700, 1_023, 1_024, all.length - 1]) {
    expect(await readSplit(reader, split, all[index]?.position)).toEqual(all.slice(index));
  }
  const handle = await reader.open(split, undefined);
  const batch = await handle.nextBatch();
  const behind = batch?.positionAt(batch.records.length);
  expect(await readSplit(reader, split, behind)).toEqual(all.slice(batch?.records.length));
});

test("stretches follow each other in event time, so that a split more than readers holds up little", async () => {
  const splits = await nexmarkSource({ events: 1_000, splits: 2, stretchEvents: 300 }).discover(
    context,
  );
  const firstMs = generator.eventTimeMs(0);
  expect(splits.map(({ id, lowerBoundMs = 0 }) => [id, lowerBoundMs - firstMs])).toEqual([
    ["0+0", 0],
    ["0+1", 1],
    ["300+0", 300],
    ["300+1", 301],
    ["600+0", 600],
    ["600+1", 601],
    ["900+0", 900],
    ["900+1", 901],
  ]);
});

test("without a number of events they never end", async () => {
  const source = nexmarkSource({ splits: 2 });
  const [, split] = await source.discover(context);
  if (split === undefined) throw new Error("there is no second split");
  const handle = await source.createReader(context).open(split, 5_000_000_000_001);
  const batch = await handle.nextBatch();
  expect(batch?.records[0]).toEqual(generator.event(5_000_000_000_001));
});

test.each([
  [{ events: 0 }, "events is 0"],
  [{ splits: 1.5 }, "splits is 1.5"],
  [{ outOfOrderGroup: 2_000_000 }, "at most 1000000"],
  [{ stretchEvents: 10 }, "needs a number of events"],
  [{ events: 1_000_000, stretchEvents: 1 }, "more than 100000 splits"],
  [{ events: Number.MAX_SAFE_INTEGER }, "would not be exact"],
])("an option that makes no sense is refused: %o", (options, message) => {
  expect(() => nexmarkSource(options)).toThrow(message);
});
