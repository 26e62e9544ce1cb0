import type { JsonValue } from "@millrace/core";
import { nexmarkQueries } from "@millrace/examples";
import { simulate, type SimulateOptions, type Simulation } from "@millrace/testing";

import { finalRows } from "./oracle/final-rows.ts";
import { findDifferences } from "./oracle/find-differences.ts";
import { createOracle, verifiedOptions, type NexmarkOracle } from "./oracle/oracle.ts";
import type { NexmarkRows } from "./oracle/rows.ts";
import { hearWitness, witnessed } from "./witnessed-windows.ts";

type PlainRow = Readonly<Record<string, JsonValue>>;
export type VerifiedQuery = keyof typeof nexmarkQueries;

/** A run in the simulation: real operators, state, checkpoints and restores on a virtual clock. */
export interface VerifiedRun extends Pick<
  SimulateOptions,
  "seed" | "parallelism" | "restoreAt" | "faults"
> {
  /** Parameters of the job, besides the number of events. */
  readonly params: Readonly<Record<string, JsonValue>>;
}

/** What `--verify` runs: calm, and killed behind three checkpoints to go on with one more subtask. */
export const requiredRuns: Readonly<Record<string, VerifiedRun>> = {
  "p=1": { seed: "1", parallelism: 1, params: {} },
  "p=2, killed behind three checkpoints, restored at p=3": {
    seed: "2",
    parallelism: 2,
    restoreAt: 3,
    params: { stretchEvents: 1_000, outOfOrderGroup: 100 },
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
  const isWitnessed = query === "q12";
  const { [query]: plain } = nexmarkQueries;
  // Over several windows of the clock, where nothing else slows the job down.
  const pace = isWitnessed ? { rate: events / 25 } : {};
  const simulation = await simulate(isWitnessed ? witnessed(plain, events) : plain, {
    ...run,
    params: { events, ...verifiedOptions, ...pace, ...params },
  });
  const given = simulation.outputs["rows"] ?? [];
  const { rows, expected, problems } = isWitnessed
    ? await hear(given, events, simulation)
    : { rows: toRows(given), expected: await oracle.expectedRows(query), problems: [] };
  const { violation, checkpoints, recoveries } = simulation;
  const differences = findDifferences(
    finalRows(query, rows),
    expected.map((row) => ({ ...row })),
  );
  return {
    rows: expected.length,
    checkpoints,
    recoveries,
    problems: [...(violation === undefined ? [] : [violation]), ...problems, ...differences],
  };
}

/** Query 12 counts by the clock: DuckDB is told what that was. */
async function hear(
  given: readonly unknown[],
  events: number,
  { virtualMs }: Simulation,
): Promise<{
  readonly rows: readonly PlainRow[];
  readonly expected: readonly NexmarkRows["q12"][];
  readonly problems: readonly string[];
}> {
  const options = verifiedOptions;
  const { rows, processingTimeMs, problems } = hearWitness(given, { events, options, virtualMs });
  using oracle = await createOracle({ events, options, processingTimeMs });
  return { rows, expected: await oracle.expectedRows("q12"), problems };
}

function toRows(values: readonly unknown[]): readonly PlainRow[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rows of a query are plain objects
  return values as readonly PlainRow[];
}
