import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Clock } from "@millrace/core";
import { expect, test } from "vitest";

import { openSqliteFile } from "./sqlite-file.ts";
import { listFromSql, openSqliteMetadataStore } from "./sqlite-store.ts";

const clock: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 0,
  schedule: () => ({ [Symbol.dispose]: () => {} }),
};

async function withFolder(use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-metadata-"));
  try {
    await use(join(folder, "metadata.sqlite"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a listing is searched by the index: its cost does not grow with the keys of other jobs", () =>
  withFolder(async (file) => {
    using database = openSqliteFile(file);
    const [step] = database.prepare(`EXPLAIN QUERY PLAN ${listFromSql}`).all("jobs/a/");
    expect(step?.["detail"]).toMatch(/^SEARCH entries USING INDEX .*\(key>\?\)$/);
  }));

test("a listing ends with its prefix, whatever letters stand beside it", () =>
  withFolder(async (file) => {
    await using store = openSqliteMetadataStore(file, clock);
    const under = ["jobs/a/", "jobs/a/%", "jobs/a/_", "jobs/a/b", "jobs/a/é", "jobs/a/\u{1F600}"];
    const beside = ["jobs/a", "jobs/a.", "jobs/a0", "jobs/A/b", "jobs/ab/c", "jobs/b", "\u{FFFD}"];
    await store.transact({
      compares: [],
      writes: [...beside, ...under].map((key) => ({ kind: "put", key, value: "" })),
    });
    const keysOf = async (prefix: string): Promise<readonly string[]> =>
      (await store.list(prefix)).entries.map(({ key }) => key);
    expect(await keysOf("jobs/a/")).toEqual(under);
    expect(await keysOf("jobs/a/c")).toEqual([]);
    expect(await keysOf("\u{FFFD}")).toEqual(["\u{FFFD}"]);
    expect(await keysOf("")).toHaveLength(under.length + beside.length);
    // A listing that ended early leaves nothing open.
    await store.transact({
      compares: [],
      writes: [{ kind: "delete", key: "jobs/a/b" }],
    });
    expect(await keysOf("jobs/a/b")).toEqual([]);
  }));
