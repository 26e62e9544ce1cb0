import type { JsonValue } from "@millrace/core";
import { nexmarkQueries } from "@millrace/examples";
import { simulate } from "@millrace/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { finalRows } from "./oracle/final-rows.ts";
import { findDifferences } from "./oracle/find-differences.ts";
import { createOracle, queryNames, verifiedOptions, type NexmarkOracle } from "./oracle/oracle.ts";

type PlainRow = Readonly<Record<string, JsonValue>>;

/** 10 s of event time, over an end of a window of 10 s. */
const events = 10_000;

const runs = [
  ["at parallelism 1", { seed: "1", parallelism: 1, params: {} }],
  [
    "at parallelism 2, from two splits that interleave",
    { seed: "2", parallelism: 2, params: { splits: 2 } },
  ],
  [
    "at parallelism 3, killed and restored, from events out of order",
    {
      seed: "3",
      parallelism: 3,
      faults: true,
      params: { stretchEvents: 400, outOfOrderGroup: 100 },
    },
  ],
] as const;

let oracle: NexmarkOracle;

beforeAll(async () => {
  oracle = await createOracle({ events, options: verifiedOptions });
});
afterAll(() => oracle[Symbol.dispose]());

describe.each(Object.entries(nexmarkQueries))("%s gives the rows of DuckDB", (name, job) => {
  test.each(runs)("%s", async (_title, { params, ...options }) => {
    const query = queryNames.find((each) => each === name);
    if (query === undefined) throw new Error(`there is no query ${name}`);
    const expected = await oracle.expectedRows(query);
    const simulation = await simulate(job, {
      ...options,
      params: { events, ...verifiedOptions, ...params },
    });
    const rows = (simulation.outputs["rows"] ?? []) as readonly PlainRow[];
    expect(simulation.violation).toBeUndefined();
    expect(simulation.recoveries > 0).toBe("faults" in options);
    expect(
      findDifferences(
        finalRows(query, rows),
        expected.map((row) => ({ ...row })),
      ),
    ).toEqual([]);
  });
});
