import { silentLogger } from "@millrace/core";
import type { ConnectorContext } from "@millrace/graph";
import { createMemoryDisk, createNodeClock } from "@millrace/platform";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";

import type { ParquetOptions } from "./options.ts";
import { parquet } from "./source.ts";

const rowCount = 10_000;
const names = ["SFO", "LAX", "JFK"];
const rows = Array.from({ length: rowCount }, (_, index) => ({
  date: new Date(1_000_000 * 1_000 + index * 60_000),
  delay: index % 97 === 0 ? null : BigInt((index % 50) - 20),
  airport: names[index % 3] ?? "",
  ratio: index / 7,
}));

function writeFile(): Uint8Array {
  const buffer = parquetWriteBuffer({
    rowGroupSize: 4_000,
    columnData: [
      { name: "date", data: rows.map(({ date }) => date), type: "TIMESTAMP" },
      { name: "delay", data: rows.map(({ delay }) => delay), type: "INT64" },
      { name: "airport", data: rows.map(({ airport }) => airport), type: "STRING" },
      { name: "ratio", data: rows.map(({ ratio }) => ratio), type: "DOUBLE" },
    ],
  });
  return new Uint8Array(buffer);
}

async function contextWith(path: string, bytes: Uint8Array): Promise<ConnectorContext> {
  const disk = createMemoryDisk();
  await disk.makeFolder("/in");
  await disk.writeFile(path, bytes);
  return {
    jobId: "flights-1",
    operatorName: "flights",
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    disk,
    clock: createNodeClock(),
    logger: silentLogger,
  };
}

async function readAll(
  context: ConnectorContext,
  options: ParquetOptions,
): Promise<readonly unknown[]> {
  const source = parquet(options).createSource({ baseDirectory: "/in" });
  const reader = source.createReader(context);
  const records: unknown[] = [];
  for (const split of await source.discover(context)) {
    const handle = await reader.open(split, undefined);
    for (let batch = await handle.nextBatch(); batch; batch = await handle.nextBatch()) {
      records.push(...batch.records);
    }
  }
  return records;
}

const numbers = rows.map((row) => ({
  ...row,
  delay: row.delay === null ? null : Number(row.delay),
}));

test("rows arrive as plain objects, INT64 as number, timestamps as Date, nulls as null", async () => {
  const context = await contextWith("/in/f.parquet", writeFile());
  expect(await readAll(context, { path: "f.parquet" })).toEqual(numbers);
});

test("only the chosen columns are read, INT64 as bigint if asked for", async () => {
  const context = await contextWith("/in/f.parquet", writeFile());
  const options = { path: "f.parquet", columns: ["delay"], int64: "bigint" } as const;
  expect(await readAll(context, options)).toEqual(rows.map(({ delay }) => ({ delay })));
});

test("splits are row groups whose lower bound comes from the statistics", async () => {
  const context = await contextWith("/in/f.parquet", writeFile());
  const options = { path: "f.parquet", timestampColumn: "date" };
  const source = parquet(options).createSource({ baseDirectory: "/in" });
  const splits = await source.discover(context);
  expect(splits.map(({ id, lowerBoundMs }) => [id, lowerBoundMs])).toEqual([
    ["f.parquet#0", rows[0]?.date.getTime()],
    ["f.parquet#1", rows[4_000]?.date.getTime()],
    ["f.parquet#2", rows[8_000]?.date.getTime()],
  ]);
});

test("a split is read again from any position that a batch gave", async () => {
  const context = await contextWith("/in/f.parquet", writeFile());
  const source = parquet({ path: "f.parquet" }).createSource({ baseDirectory: "/in" });
  const [, split] = await source.discover(context);
  if (split === undefined) throw new Error("no second split");
  const first = await source.createReader(context).open(split, undefined);
  await first.nextBatch();
  const position = (await first.nextBatch())?.positionAt(17);
  const again = await source.createReader(context).open(split, position);
  const batch = await again.nextBatch();
  expect(batch?.records[0]).toEqual(numbers[4_000 + 2_048 + 17]);
});

test("an INT64 that a number cannot hold fails by its field", async () => {
  const columnData = [{ name: "big", data: [2n ** 60n + 1n], type: "INT64" as const }];
  const bytes = new Uint8Array(parquetWriteBuffer({ columnData }));
  const context = await contextWith("/in/f.parquet", bytes);
  await expect(readAll(context, { path: "f.parquet" })).rejects.toMatchObject({
    code: "decode-failed",
    message: expect.stringContaining("field big of /in/f.parquet holds 1152921504606846977"),
  });
});

test.each([
  ["none.parquet", "input-not-found", "there is no file or folder /in/none.parquet"],
  ["text.txt", "input-unreadable", "cannot read /in/text.txt: parquet file invalid"],
])("%s fails with %s", async (path, code, message) => {
  const context = await contextWith("/in/text.txt", Buffer.from("this is not a parquet file"));
  await expect(readAll(context, { path })).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test("a column that is not there is named beside those that are", async () => {
  const context = await contextWith("/in/f.parquet", writeFile());
  await expect(readAll(context, { path: "f.parquet", columns: ["dela"] })).rejects.toThrow(
    "it has no column dela; it has date, delay, airport, ratio",
  );
});

test("maxRows reads the first rows only", async () => {
  const context = await contextWith("/in/f.parquet", writeFile());
  expect(await readAll(context, { path: "f.parquet", maxRows: 4_100 })).toEqual(
    numbers.slice(0, 4_100),
  );
});
