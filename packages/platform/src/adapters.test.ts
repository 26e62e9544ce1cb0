import { expect, test } from "vitest";

import { createMemoryDisk } from "./memory-disk.ts";
import { createNodeDigest } from "./node-digest.ts";
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
