import type { JsonValue } from "@millrace/core";
import { nexmarkQueries } from "@millrace/examples";
import { simulate, type SimulateOptions } from "@millrace/testing";

import { finalRows } from "./oracle/final-rows.ts";
import { findDifferences } from "./oracle/find-differences.ts";
import { verifiedOptions, type NexmarkOracle } from "./oracle/oracle.ts";

type PlainRow = Readonly<Record<string, JsonValue>>;
export type VerifiedQuery = keyof typeof nexmarkQueries;

/** A run in the simulation: real operators, state, checkpoints and restores on a virtual clock. */
export interface VerifiedRun extends Pick<SimulateOptions, "seed" | "parallelism" | "faults"> {
  /** Parameters of the job, besides the number of events. */
  readonly params: Readonly<Record<string, JsonValue>>;
}

/** What `--verify` runs: calm, and with what kills and cuts off, from events out of order. */
export const requiredRuns: Readonly<Record<string, VerifiedRun>> = {
  "p=1": { seed: "1", parallelism: 1, params: {} },
  "p=3, killed and restored": {
    seed: "3",
    parallelism: 3,
    faults: true,
    params: { stretchEvents: 400, outOfOrderGroup: 100 },
  },
};

/** What a run gave. */
export interface VerifiedRows {
  readonly rows: number;
  readonly checkpoints: number;
  readonly recoveries: number;
  /** Why it is not right, as lines; none if its final rows are those of DuckDB. */
  readonly problems: readonly string[];
}

/** Runs a query over the oracle's events and returns how its final rows differ from DuckDB's. */
export async function verifyQuery(
  query: VerifiedQuery,
  { events, oracle }: { readonly events: number; readonly oracle: NexmarkOracle },
  { params, ...run }: VerifiedRun,
): Promise<VerifiedRows> {
  const expected = await oracle.expectedRows(query);
  const simulation = await simulate(nexmarkQueries[query], {
    ...run,
    params: { events, ...verifiedOptions, ...params },
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rows of a query are plain objects
  const rows = (simulation.outputs["rows"] ?? []) as readonly PlainRow[];
  const differences = findDifferences(
    finalRows(query, rows),
    expected.map((row) => ({ ...row })),
  );
  const { violation, checkpoints, recoveries } = simulation;
  const problems = [...(violation === undefined ? [] : [violation]), ...differences];
  return { rows: expected.length, checkpoints, recoveries, problems };
}
