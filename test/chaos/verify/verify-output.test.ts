import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";

import { verifyOutput, type OutputVerdict } from "./verify-output.ts";

const dayMs = 24 * 60 * 60 * 1_000;
const hourMs = dayMs / 24;
let folder = "";

// Four flights in two hours; a loop is 181 days long, whatever the file holds.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-verify-"));
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(`
    COPY (SELECT * FROM (VALUES
      (TIMESTAMP '2001-01-01 00:05:00', 10, 'SFO'), (TIMESTAMP '2001-01-01 00:10:00', 21, 'SFO'),
      (TIMESTAMP '2001-01-01 00:20:00', -3, 'LAX'), (TIMESTAMP '2001-01-01 01:00:00', 4, 'SFO'))
      AS flights(date, delay, origin)) TO '${join(folder, "f.parquet")}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
});
afterAll(() => rm(folder, { recursive: true }));

const startMs = Date.UTC(2001, 0, 1);
const loop = [
  { airport: "SFO", hour: startMs, flights: 2, meanDelayMinutes: 15.5 },
  { airport: "LAX", hour: startMs, flights: 1, meanDelayMinutes: -3 },
  { airport: "SFO", hour: startMs + hourMs, flights: 1, meanDelayMinutes: 4 },
];
/** Of six rows: the second loop ends after its second flight. */
const whole = [
  ...loop,
  { airport: "SFO", hour: startMs + 181 * dayMs, flights: 2, meanDelayMinutes: 15.5 },
];

async function verify(...files: (readonly object[])[]): Promise<OutputVerdict> {
  const outputFolder = await mkdtemp(join(folder, "out-"));
  await mkdir(join(outputFolder, ".staging"));
  for (const [index, rows] of files.entries()) {
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    await writeFile(join(outputFolder, `board-0-1-${index}.jsonl`), text);
  }
  return verifyOutput({ flightsFile: join(folder, "f.parquet"), lastRow: 6, outputFolder });
}

test("S13: the rows of one and a half loops, in several files, are all there once", async () => {
  expect(await verify(whole.slice(0, 2), whole.slice(2))).toEqual({
    expectedRows: 4,
    committedRows: 4,
    lostRows: 0,
    doubledRows: 0,
    wrongRows: 0,
    stagedFiles: [],
    examples: [],
  });
});

test("S13: a row that is missing is lost", async () => {
  const verdict = await verify(whole.slice(1));
  expect(verdict).toMatchObject({ lostRows: 1, doubledRows: 0, wrongRows: 0 });
  expect(verdict.examples).toEqual([
    "lost: SFO at 2001-01-01T00:00:00.000Z, 0 lines, null flights instead of 2",
  ]);
});

test("S13: a file that is there twice doubles its rows", async () => {
  expect(await verify(whole, loop)).toMatchObject({ lostRows: 0, doubledRows: 3, wrongRows: 0 });
});

test("S13: a number that differs and a row that nobody expects are wrong", async () => {
  const [first, ...others] = whole;
  const changed = { ...first, meanDelayMinutes: 15 };
  const strange = { airport: "JFK", hour: startMs, flights: 1, meanDelayMinutes: 0 };
  expect(await verify([changed, strange, ...others])).toMatchObject({
    lostRows: 0,
    doubledRows: 0,
    wrongRows: 2,
  });
});
