import { appendFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

import type { ByteRange, LocalDisk } from "@millrace/core";

import { systemCode, toReadError, toWriteError } from "./disk-error.ts";

/** Returns the machine's file system. What is said to be durable has been synced, its folder too. */
export function createNodeDisk(): LocalDisk {
  return {
    async stat(path) {
      try {
        const found = await stat(path);
        return { sizeBytes: found.size, isFolder: found.isDirectory() };
      } catch (caught) {
        if (systemCode(caught) === "ENOENT") return undefined;
        throw toReadError(path, caught);
      }
    },
    readRange: (path, range) => reading(path, () => readRange(path, range)),
    async list(path) {
      try {
        return (await readdir(path)).toSorted();
      } catch (caught) {
        if (systemCode(caught) === "ENOENT") return [];
        throw toReadError(path, caught);
      }
    },
    makeFolder: (path) => writing(path, async () => void (await mkdir(path, { recursive: true }))),
    writeFile: (path, bytes) => writing(path, () => replaceFile(path, bytes)),
    append: (path, bytes) => writing(path, () => appendFile(path, bytes)),
    sync: (path) =>
      writing(path, async () => {
        await syncPath(path);
        await syncPath(dirname(path));
      }),
    rename: (from, to) =>
      writing(from, async () => {
        await rename(from, to);
        await syncPath(dirname(to));
      }),
    remove: (path) => writing(path, () => rm(path, { force: true })),
  };
}

async function readRange(path: string, { offset, length }: ByteRange): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const buffer = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.draft`;
  try {
    await writeSynced(draft, bytes);
    await rename(draft, path);
  } catch (caught) {
    await rm(draft, { force: true });
    throw caught;
  }
  await syncPath(dirname(path));
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "w");
  await file.writeFile(bytes);
  await file.sync();
}

async function syncPath(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

async function reading<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (caught) {
    throw toReadError(path, caught);
  }
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (caught) {
    throw toWriteError(path, caught);
  }
}
