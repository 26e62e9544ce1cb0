import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { openSqliteMetadataStore } from "./sqlite-store.ts";

const processCount = 3;
const increments = 30;

const source = `
  import { openSqliteMetadataStore } from ${JSON.stringify(new URL("sqlite-store.ts", import.meta.url).href)};
  const clock = { monotonicMs: () => 0, wallMs: () => 0, schedule: () => ({ [Symbol.dispose]() {} }) };
  const store = openSqliteMetadataStore(process.argv[1], clock);
  for (let done = 0; done < ${increments}; ) {
    const entry = await store.get("counter");
    const { isApplied } = await store.transact({
      compares: [{ key: "counter", target: "modRevision", equals: entry?.modRevision ?? 0n }],
      writes: [{ kind: "put", key: "counter", value: String(Number(entry?.value ?? 0) + 1) }],
    });
    if (isApplied) done += 1;
  }
  await store[Symbol.asyncDispose]();
`;

test("processes that make the file together and race on one key lose no write (S1)", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-metadata-"));
  const path = join(folder, "metadata.db");
  const flags = ["--conditions=@millrace/source", "--input-type=module", "--eval", source];
  const children = Array.from({ length: processCount }, () =>
    spawn(process.execPath, [...flags, "--", path], { stdio: ["ignore", "inherit", "inherit"] }),
  );
  const exits = await Promise.all(children.map((child) => once(child, "exit")));
  expect(exits.map(([exitCode]: unknown[]) => exitCode)).toEqual(children.map(() => 0));
  const unused = {
    monotonicMs: () => 0,
    wallMs: () => 0,
    schedule: () => ({ [Symbol.dispose]() {} }),
  };
  await using store = openSqliteMetadataStore(path, unused);
  expect((await store.get("counter"))?.value).toBe(`${processCount * increments}`);
  expect((await store.list("")).revision).toBe(BigInt(processCount * increments));
  await rm(folder, { recursive: true });
}, 20_000);
