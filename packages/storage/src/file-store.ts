import { mkdir, open, readdir, rename, rm, rmdir, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";

import { StreamError } from "@millrace/core";

import { objectNotFound } from "./memory-store.ts";
import type { ObjectInfo, ObjectRange, ObjectStore } from "./object-store.ts";

const draftSuffix = ".draft";
const segmentPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/;

/**
 * Returns an object store in a folder: an object is a file under its name. A put writes a draft,
 * syncs it, renames it and syncs the folders above, so an object is whole or absent. Drafts that a
 * killed process left are not listed. Throws `folder-not-writable` if the folder cannot be made.
 */
export async function openFileObjectStore(root: string): Promise<ObjectStore> {
  await writing(root, () => mkdir(root, { recursive: true }));
  let draftCount = 0;
  return {
    async put(name, parts, signal) {
      const path = pathOf(root, name);
      draftCount += 1;
      const draft = `${path}.${process.pid}-${draftCount}${draftSuffix}`;
      await writing(path, async () => {
        await makeFolders(dirname(path));
        await writeDraft(draft, parts, signal);
        await rename(draft, path);
        await syncFolders(dirname(path), root);
      });
    },
    get: (name, range) => reading(name, () => readObject(pathOf(root, name), range)),
    async stat(name) {
      try {
        return (await stat(pathOf(root, name))).size;
      } catch (caught) {
        if (codeOf(caught) === "ENOENT") return undefined;
        throw toStoreError(name, caught);
      }
    },
    list: (prefix) => listObjects(root, prefix),
    async remove(names) {
      for (const name of names) {
        const path = pathOf(root, name);
        await writing(path, () => rm(path, { force: true }));
        await removeEmptyFolders(dirname(path), root);
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Names are our own, but a name must never lead out of the folder (SEC6). */
function pathOf(root: string, name: string): string {
  const segments = name.split("/");
  if (!segments.every((segment) => segmentPattern.test(segment))) {
    throw new StreamError("invalid-argument", `${JSON.stringify(name)} cannot name an object`, {
      domain: "internal",
      retry: "never",
    });
  }
  return join(root, ...segments);
}

/** A folder that removal of its last object takes away at the same time is made again. */
async function makeFolders(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
}

async function writeDraft(
  draft: string,
  parts: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = await openDraft(draft);
  try {
    for (const part of parts) {
      signal?.throwIfAborted();
      await file.writeFile(part);
    }
    await file.sync();
  } catch (caught) {
    await rm(draft, { force: true });
    throw caught;
  } finally {
    await file.close();
  }
}

async function openDraft(draft: string): Promise<FileHandle> {
  try {
    return await open(draft, "wx");
  } catch (caught) {
    if (codeOf(caught) !== "ENOENT") throw caught;
    await makeFolders(dirname(draft));
    return open(draft, "wx");
  }
}

async function syncFolders(from: string, root: string): Promise<void> {
  for (let folder = from; ; folder = dirname(folder)) {
    await using handle = await open(folder, "r");
    await handle.sync();
    if (folder === root || folder === dirname(folder)) return;
  }
}

async function removeEmptyFolders(from: string, root: string): Promise<void> {
  for (let folder = from; folder !== root && folder.startsWith(root); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      // Not empty, or gone already: either way nothing above it is empty because of us.
      return;
    }
  }
}

async function readObject(path: string, range: ObjectRange | undefined): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const offset = Math.min(range?.offset ?? 0, size);
  const bytes = new Uint8Array(Math.min(range?.length ?? size, size - offset));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function listObjects(root: string, prefix: string): Promise<readonly ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  // The folder part of the prefix bounds the walk; the rest is compared.
  const slash = prefix.lastIndexOf("/");
  const start = slash < 0 ? root : join(root, prefix.slice(0, slash));
  const entries = await readFolder(start);
  for (const path of entries) {
    const name = slash < 0 ? path : `${prefix.slice(0, slash)}/${path}`;
    if (!name.startsWith(prefix) || name.endsWith(draftSuffix)) continue;
    const info = await stat(join(root, name)).catch(() => undefined);
    if (info?.isFile() === true) found.push({ name, sizeBytes: info.size });
  }
  return found.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

async function readFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder, { recursive: true });
  } catch (caught) {
    if (codeOf(caught) === "ENOENT") return [];
    throw toStoreError(folder, caught);
  }
}

async function reading<Result>(name: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (caught) {
    if (codeOf(caught) === "ENOENT") throw objectNotFound(name, caught);
    throw toStoreError(name, caught);
  }
}

async function writing<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (caught) {
    throw toStoreError(path, caught);
  }
}

const unwritable: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"]);

function toStoreError(what: string, cause: unknown): StreamError {
  if (cause instanceof StreamError) return cause;
  const code = codeOf(cause);
  const message = `object store: ${what} failed (${code}); check the folder, its owner, and the disk`;
  if (unwritable.has(code)) {
    return new StreamError("folder-not-writable", message, {
      domain: "external",
      retry: "never",
      cause,
    });
  }
  return new StreamError("unavailable", message, { domain: "external", retry: "backoff", cause });
}

function codeOf(cause: unknown): string {
  const hasCode = typeof cause === "object" && cause !== null && "code" in cause;
  return hasCode ? String(cause.code) : String(cause);
}
