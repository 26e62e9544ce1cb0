import { nexmarkQueries } from "@millrace/examples";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createOracle, verifiedOptions, type NexmarkOracle } from "./oracle/oracle.ts";
import { requiredRuns, verifyQuery, type VerifiedQuery, type VerifiedRun } from "./verify-query.ts";

/** 10 s of event time, over an end of a window of 10 s. */
const events = 10_000;

const runs: Readonly<Record<string, VerifiedRun>> = {
  ...requiredRuns,
  "p=3, killed and restored": {
    seed: "3",
    parallelism: 3,
    faults: true,
    params: { stretchEvents: 400, outOfOrderGroup: 100 },
  },
  "p=2, from two splits that interleave": { seed: "2", parallelism: 2, params: { splits: 2 } },
};

const queries = Object.keys(nexmarkQueries) as readonly VerifiedQuery[];

let oracle: NexmarkOracle;

beforeAll(async () => {
  oracle = await createOracle({ events, options: verifiedOptions });
});
afterAll(() => oracle[Symbol.dispose]());

describe.each(queries)("%s gives the rows of DuckDB", (query) => {
  test.each(Object.entries(runs))("at %s", async (_name, run) => {
    const over = { events, oracle };
    const { problems, rows, recoveries, checkpoints } = await verifyQuery(query, over, run);
    expect(problems).toEqual([]);
    expect(rows).toBeGreaterThan(0);
    expect(recoveries > 0).toBe(run.faults === true || run.restoreAt !== undefined);
    expect(checkpoints).toBeGreaterThanOrEqual(run.restoreAt === undefined ? 1 : 3);
  });
});
