import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { LocalDisk } from "@millrace/core";
import { expect, test } from "vitest";

import { createMemoryDisk } from "./memory-disk.ts";
import { createNodeClock } from "./node-clock.ts";
import { createNodeDigest } from "./node-digest.ts";
import { createNodeDisk } from "./node-disk.ts";
import { createZstdCompressor } from "./zstd-compressor.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("zstd gives back what it got and refuses another length or broken bytes", async () => {
  const zstd = createZstdCompressor();
  const raw = bytes("mill ".repeat(1_000));
  const packed = await zstd.compress(raw);
  expect(packed.length).toBeLessThan(200);
  expect(Buffer.from(await zstd.decompress(packed, raw.length)).equals(raw)).toBe(true);
  await expect(zstd.decompress(packed, raw.length + 1)).rejects.toThrow("not 5001");
  await expect(zstd.decompress(packed, 10)).rejects.toMatchObject({ code: "decode-failed" });
  await expect(zstd.decompress(bytes("junk"), 10)).rejects.toMatchObject({ code: "decode-failed" });
});

test("sha256 of parts is that of the whole", () => {
  const digest = createNodeDigest();
  expect(digest.sha256(bytes("a"), bytes("bc"))).toBe(digest.sha256(bytes("abc")));
  expect(digest.sha256(bytes("abc")).slice(0, 8)).toBe("ba7816bf");
});

test("a disposed timer does not fire", async () => {
  const clock = createNodeClock();
  const fired: string[] = [];
  const timer = clock.schedule(1, () => fired.push("disposed"));
  timer[Symbol.dispose]();
  await new Promise<void>((resolve) => {
    clock.schedule(5, () => {
      fired.push("kept");
      resolve();
    });
  });
  expect(fired).toEqual(["kept"]);
});

async function makeRealFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "millrace-disk-"));
}

test.each<[string, () => LocalDisk]>([
  ["memory", createMemoryDisk],
  ["node", createNodeDisk],
])("the %s disk appends, syncs, renames, lists and removes", async (_name, createDisk) => {
  const disk = createDisk();
  const root = await makeRealFolder();
  const path = join(root, "sub", "a.txt");
  await disk.makeFolder(join(root, "sub"));
  await disk.append(path, bytes("one "));
  await disk.append(path, bytes("two"));
  await disk.sync(path);
  expect(await disk.stat(path)).toEqual({ sizeBytes: 7, isFolder: false });
  expect(await disk.stat(join(root, "sub"))).toMatchObject({ isFolder: true });
  expect(Buffer.from(await disk.readRange(path, { offset: 4, length: 9 })).toString()).toBe("two");
  await disk.rename(path, `${path}.done`);
  expect(await disk.list(join(root, "sub"))).toEqual(["a.txt.done"]);
  await disk.writeFile(path, bytes("new"));
  await disk.remove(`${path}.done`);
  await disk.remove(`${path}.done`);
  expect(await disk.list(join(root, "sub"))).toEqual(["a.txt"]);
  expect(await disk.stat(join(root, "gone"))).toBeUndefined();
  expect(await disk.list(join(root, "gone"))).toEqual([]);
  await expect(disk.rename(join(root, "gone"), path)).rejects.toMatchObject({ code: "not-found" });
  await rm(root, { recursive: true });
});

test("a crash of the memory disk loses what was not synced", async () => {
  const disk = createMemoryDisk();
  await disk.append("/a", bytes("kept"));
  await disk.sync("/a");
  await disk.append("/a", bytes(" lost"));
  await disk.append("/b", bytes("lost"));
  disk.crash();
  expect(await disk.stat("/a")).toEqual({ sizeBytes: 4, isFolder: false });
  expect(await disk.stat("/b")).toBeUndefined();
});

test("a folder that cannot be made is said to be unwritable, with its path", async () => {
  const disk = createNodeDisk();
  const root = await makeRealFolder();
  const path = join(root, "file");
  await disk.writeFile(path, bytes("not a folder"));
  await expect(disk.makeFolder(join(path, "sub"))).rejects.toMatchObject({
    code: "folder-not-writable",
    message: expect.stringContaining(join(path, "sub")),
  });
  await rm(root, { recursive: true });
});
