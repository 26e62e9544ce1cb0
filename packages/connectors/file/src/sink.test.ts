import { silentLogger, type LocalDisk } from "@millrace/core";
import type { ConnectorContext, SinkTransactionId, SinkWriter } from "@millrace/graph";
import { createMemoryDisk, createNodeClock } from "@millrace/platform";
import { expect, test } from "vitest";

import { jsonLines } from "./sink.ts";

interface Row {
  readonly n: number;
}

function createWriter(
  disk: LocalDisk,
  attempt: number,
  partitionBy?: (row: Row) => string,
): SinkWriter<Row> {
  const context: ConnectorContext = {
    jobId: "delays-1",
    operatorName: "board",
    subtaskIndex: 0,
    parallelism: 1,
    attempt,
    disk,
    clock: createNodeClock(),
    logger: silentLogger,
  };
  return jsonLines<Row>({ path: "out", ...(partitionBy === undefined ? {} : { partitionBy }) })
    .createSink({ baseDirectory: "/work" })
    .createWriter(context);
}

function transaction(attempt: number, checkpointId: bigint): SinkTransactionId {
  return { jobId: "delays-1", operatorName: "board", subtaskIndex: 0, attempt, checkpointId };
}

async function readText(disk: LocalDisk, path: string): Promise<string> {
  return Buffer.from(await disk.readRange(path, { offset: 0, length: 1_000 })).toString();
}

const folder = "/work/out/delays-1";

test("records become visible when their checkpoint is published, not before (S13)", async () => {
  const disk = createMemoryDisk();
  const writer = createWriter(disk, 1);
  writer.write({ n: 1 });
  await writer.flush();
  writer.write({ n: 2 });
  const prepared = writer.prepare(transaction(1, 7n));
  writer.write({ n: 3 });
  const committable = await prepared;
  expect((await disk.list(folder)).filter((name) => name.endsWith(".jsonl"))).toEqual([]);
  if (committable === undefined) throw new Error("nothing prepared");
  await writer.publish(committable, transaction(1, 7n));
  expect(await readText(disk, `${folder}/board-0-1-7.jsonl`)).toBe('{"n":1}\n{"n":2}\n');
  expect(writer.bufferedBytes()).toBeGreaterThan(0);
});

test("publishing again, also by the writer of a later attempt, changes nothing (S13)", async () => {
  const disk = createMemoryDisk();
  const writer = createWriter(disk, 1);
  writer.write({ n: 1 });
  const committable = (await writer.prepare(transaction(1, 7n))) ?? null;
  await writer.publish(committable, transaction(1, 7n));
  await createWriter(disk, 2).publish(committable, transaction(1, 7n));
  expect((await disk.list(folder)).filter((name) => name.endsWith(".jsonl"))).toEqual([
    "board-0-1-7.jsonl",
  ]);
});

test("what another job prepared is published into that job's folder", async () => {
  const disk = createMemoryDisk();
  const writer = createWriter(disk, 3);
  await disk.makeFolder("/work/out/before-1/.staging");
  await disk.append("/work/out/before-1/.staging/board-0-1-part-0.jsonl", Buffer.from("x"));
  const committable = { part: "board-0-1-part-0.jsonl" };
  await writer.publish(committable, { ...transaction(1, 7n), jobId: "before-1" });
  expect(await readText(disk, "/work/out/before-1/board-0-1-7.jsonl")).toBe("x");
});

test("nothing written prepares nothing", async () => {
  expect(await createWriter(createMemoryDisk(), 1).prepare(transaction(1, 7n))).toBeUndefined();
});

test("a committed file that is gone fails by name instead of losing output", async () => {
  const disk = createMemoryDisk();
  const writer = createWriter(disk, 1);
  writer.write({ n: 1 });
  const committable = (await writer.prepare(transaction(1, 7n))) ?? null;
  await disk.remove(`${folder}/.staging/board-0-1-part-0.jsonl`);
  await expect(writer.publish(committable, transaction(1, 7n))).rejects.toMatchObject({
    code: "sink-failed",
    message: expect.stringContaining(`nor ${folder}/board-0-1-7.jsonl exists`),
  });
});

test("orphans of earlier attempts go, this attempt's files and other sinks' stay", async () => {
  const disk = createMemoryDisk();
  const old = createWriter(disk, 1);
  old.write({ n: 1 });
  await old.flush();
  await disk.append(`${folder}/.staging/board-2-0-1-part-0.jsonl`, Buffer.from("x"));
  const writer = createWriter(disk, 2);
  writer.write({ n: 2 });
  await writer.flush();
  await writer.removeOrphans();
  expect(await disk.list(`${folder}/.staging`)).toEqual([
    "board-0-2-part-0.jsonl",
    "board-2-0-1-part-0.jsonl",
  ]);
});

test("a disk that fails is named with its folder", async () => {
  const disk = createMemoryDisk();
  const append = (): Promise<void> => Promise.reject(new Error("ENOSPC"));
  const writer = createWriter({ ...disk, makeFolder: disk.makeFolder.bind(disk), append }, 1);
  writer.write({ n: 1 });
  await expect(writer.flush()).rejects.toMatchObject({
    code: "sink-failed",
    message: `cannot write below ${folder}: ENOSPC; check the disk and the folder`,
  });
});

test("each partition is a folder with a file a checkpoint, published together and again without harm", async () => {
  const disk = createMemoryDisk();
  const parity = ({ n }: Row): string => `is=${n % 2 === 0 ? "even" : "odd"}/all`;
  const writer = createWriter(disk, 1, parity);
  for (const n of [1, 2, 3]) writer.write({ n });
  await writer.flush();
  writer.write({ n: 4 });
  expect(writer.bufferedBytes()).toBe('{"n":4}\n'.length);
  const committable = (await writer.prepare(transaction(1, 7n))) ?? null;
  expect(await disk.list(folder)).toEqual([".staging"]);
  await writer.publish(committable, transaction(1, 7n));
  await createWriter(disk, 2, parity).publish(committable, transaction(1, 7n));
  expect(await disk.list(`${folder}/.staging`)).toEqual([]);
  expect(await readText(disk, `${folder}/is=odd/all/board-0-1-7.jsonl`)).toBe('{"n":1}\n{"n":3}\n');
  expect(await readText(disk, `${folder}/is=even/all/board-0-1-7.jsonl`)).toBe(
    '{"n":2}\n{"n":4}\n',
  );
});

test("a partition of one checkpoint only is in that one only", async () => {
  const writer = createWriter(createMemoryDisk(), 1, ({ n }) => `n=${n}`);
  writer.write({ n: 1 });
  const first = await writer.prepare(transaction(1, 7n));
  writer.write({ n: 2 });
  const second = await writer.prepare(transaction(1, 8n));
  expect(first).toEqual({ parts: [{ part: "board-0-1-part-0.jsonl", partition: "n=1" }] });
  expect(second).toEqual({ parts: [{ part: "board-0-1-part-1.jsonl", partition: "n=2" }] });
});

test.each(["", "..", "a/../b", "/etc", "a//b", ".staging", "a/", "x".repeat(513)])(
  "a record whose partition is %j is refused: it is no folder below the job's",
  (partition) => {
    const writer = createWriter(createMemoryDisk(), 1, () => partition);
    expect(() => writer.write({ n: 1 })).toThrow(
      expect.objectContaining({ code: "record-not-encodable" }),
    );
  },
);
