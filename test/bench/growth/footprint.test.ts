import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { readFootprint } from "./footprint.ts";

test("objects are counted without drafts, the newest manifest is measured, and SQLite's log counts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-footprint-"));
  try {
    const job = join(folder, "objects/jobs/counts-1/1");
    for (const [checkpoint, size] of [
      [7, 30],
      [8, 50],
    ] as const) {
      await mkdir(join(job, String(checkpoint)), { recursive: true });
      const manifest = join(job, String(checkpoint), "manifest-a.json");
      await writeFile(manifest, "m".repeat(size));
      await utimes(manifest, checkpoint, checkpoint);
      await writeFile(join(job, String(checkpoint), "w-1.segment"), "s");
    }
    await writeFile(join(job, "8/w-2.segment.9-1.draft"), "s");
    await writeFile(join(folder, "metadata.sqlite"), "12345");
    await writeFile(join(folder, "metadata.sqlite-wal"), "123");
    expect(await readFootprint(folder)).toEqual({
      objectCount: 4,
      manifestBytes: 50,
      metadataBytes: 8,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a folder that nobody has written to yet holds nothing", async () => {
  expect(await readFootprint(join(tmpdir(), "millrace-none"))).toEqual({
    objectCount: 0,
    manifestBytes: 0,
    metadataBytes: 0,
  });
});
