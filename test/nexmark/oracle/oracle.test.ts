import type { JsonValue } from "@millrace/core";
import { NexmarkGenerator, type NexmarkEvent } from "@millrace/nexmark";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { findDifferences } from "./find-differences.ts";
import { naiveBidQueries } from "./naive-bids.ts";
import { naiveJoinQueries } from "./naive-joins.ts";
import {
  createOracle,
  queryNames,
  sortRows,
  verifiedOptions,
  type NexmarkOracle,
} from "./oracle.ts";
import type { QueryName } from "./rows.ts";

type PlainRow = Readonly<Record<string, JsonValue>>;

function takeEvents(count: number): readonly NexmarkEvent[] {
  const generator = new NexmarkGenerator(verifiedOptions);
  return Array.from({ length: count }, (_, number) => generator.event(number));
}

function naiveRows(query: QueryName, events: readonly NexmarkEvent[]): readonly PlainRow[] {
  const join = Object.entries(naiveJoinQueries).find(([name]) => name === query)?.[1];
  const overBids = Object.entries(naiveBidQueries).find(([name]) => name === query)?.[1];
  const rows = join?.(events) ?? overBids?.(events.filter((event) => event.kind === "bid")) ?? [];
  return rows.map((row) => ({ ...row }));
}

describe.each([10_000, 100_000])("over the first %i events", (eventCount) => {
  let oracle: NexmarkOracle;
  let events: readonly NexmarkEvent[];

  beforeAll(async () => {
    oracle = await createOracle({ events: eventCount, options: verifiedOptions });
    events = takeEvents(eventCount);
  });
  afterAll(() => oracle[Symbol.dispose]());

  test.each(queryNames)("%s gives what plain loops give", async (query) => {
    const rows = await oracle.expectedRows(query);
    expect(rows.length).toBeGreaterThan(0);
    expect(
      findDifferences(
        rows.map((row) => ({ ...row })),
        naiveRows(query, events),
      ),
    ).toEqual([]);
  });
});

test("windows by processing time follow the clock that is given, and nothing else does", async () => {
  const events = 10_000;
  using atEventTime = await createOracle({ events });
  using atOnce = await createOracle({ events, processingTimeMs: () => 25_000 });
  const rows = await atOnce.expectedRows("q12");
  expect(new Set(rows.map(({ startTime }) => startTime))).toEqual(new Set([20_000]));
  expect(rows.reduce((sum, { bidCount }) => sum + bidCount, 0)).toBe(9_200);
  for (const query of queryNames.filter((name) => name !== "q12")) {
    expect(await atOnce.expectedRows(query)).toEqual(await atEventTime.expectedRows(query));
  }
});

test.each([
  [10_000, 1],
  [10_001, 46],
])("bids of one bidder %i ms apart make %i sessions", async (intervalMs, sessions) => {
  // All bids of the first 50 events are of the one person that there is.
  const options = { intervalMicros: intervalMs * 1_000 };
  using oracle = await createOracle({ events: 50, options });
  const rows = await oracle.expectedRows("q11");
  expect(rows.map(({ bidCount }) => bidCount)).toEqual(
    Array.from({ length: sessions }, () => 46 / sessions),
  );
});

test.each([
  [6, "nightTime"],
  [7, "otherTime"],
  [8, "dayTime"],
  [18, "dayTime"],
  [19, "otherTime"],
  [20, "nightTime"],
])("bids of q14 at %i o'clock are of %s", async (hour, bidTimeType) => {
  const firstEventAtMs = Date.UTC(2015, 6, 15, hour);
  using oracle = await createOracle({ events: 100, options: { firstEventAtMs } });
  const rows = await oracle.expectedRows("q14");
  expect(new Set(rows.map((row) => row.bidTimeType))).toEqual(new Set([bidTimeType]));
});

test("events that share an event time are refused: what came first would be anybody's guess", async () => {
  await expect(createOracle({ events: 10, options: { intervalMicros: 999 } })).rejects.toThrow(
    "less than 1 ms apart",
  );
});

test("sorted rows are equal whatever the order of rows and of their fields", () => {
  const rows = [
    { auction: 2, num: 1 },
    { auction: 1, num: 3 },
  ];
  const others = [
    { num: 3, auction: 1 },
    { num: 1, auction: 2 },
  ];
  expect(sortRows(rows)).toEqual(sortRows(others));
});
