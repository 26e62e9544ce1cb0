import { mkdir, open, readdir, rename, rm, rmdir, stat, type FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { objectNotFound } from "./memory-store.ts";
import { checkObjectPrefix, parseObjectName } from "./object-name.ts";
import type { ObjectInfo, ObjectRange, ObjectStore } from "./object-store.ts";
import { codeOf, toStoreError } from "./store-error.ts";

const draftSuffix = ".draft";
/** A draft this old belongs to a process that was killed. */
const abandonedDraftMs = 3_600_000;

/**
 * Returns an object store in a folder: an object is a file under its name. Throws
 * `folder-not-writable` if the folder cannot be made or written to.
 *
 * I1 An object is whole or absent: a put writes a draft, syncs it, renames it and syncs the folders.
 * I2 Drafts are never listed; those that a killed process left are removed at a later opening.
 */
export async function openFileObjectStore(folder: string): Promise<ObjectStore> {
  const root = resolve(folder);
  await writing(root, () => prepareRoot(root));
  let draftCount = 0;
  const pathOf = (name: string): string => join(root, ...parseObjectName(name));
  return {
    async put(name, parts, signal) {
      signal?.throwIfAborted();
      const path = pathOf(name);
      draftCount += 1;
      const draft = `${path}.${process.pid}-${draftCount}${draftSuffix}`;
      await writing(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeDraft(draft, parts, signal);
        await rename(draft, path);
        await syncFolders(dirname(path), root);
      });
    },
    async get(name, range, signal) {
      signal?.throwIfAborted();
      return reading(name, () => readObject(pathOf(name), range));
    },
    stat: async (name) => (await fileInfo(name, pathOf(name)))?.sizeBytes,
    list: (prefix) => listObjects(root, prefix),
    async remove(names) {
      for (const path of names.map(pathOf)) {
        await writing(path, () => removeFile(path));
        await removeEmptyFolders(dirname(path), root);
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A store that cannot take objects says so when it is opened, not at the first checkpoint. */
async function prepareRoot(root: string): Promise<void> {
  await mkdir(root, { recursive: true });
  const probe = join(root, `probe.${process.pid}${draftSuffix}`);
  await (await open(probe, "w")).close();
  await rm(probe, { force: true });
  for (const path of await readdir(root, { recursive: true })) {
    if (!path.endsWith(draftSuffix)) continue;
    const draft = await stat(join(root, path)).catch(() => undefined);
    if (draft === undefined || draft.mtimeMs > Date.now() - abandonedDraftMs) continue;
    await rm(join(root, path), { force: true });
  }
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

/** A folder that the removal of its last object takes away meanwhile is made again. */
async function openDraft(draft: string): Promise<FileHandle> {
  try {
    return await open(draft, "wx");
  } catch (caught) {
    if (codeOf(caught) !== "ENOENT") throw caught;
    await mkdir(dirname(draft), { recursive: true });
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

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (caught) {
    // Part of the path is an object itself, so that there is no such object.
    if (codeOf(caught) !== "ENOTDIR") throw caught;
  }
}

async function removeEmptyFolders(from: string, root: string): Promise<void> {
  for (let folder = from; folder !== root && folder !== dirname(folder); folder = dirname(folder)) {
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
  checkObjectPrefix(prefix);
  // The folder part of the prefix bounds the walk; the rest is compared.
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const found: ObjectInfo[] = [];
  for (const path of await readFolder(join(root, folder))) {
    const name = `${folder}${path}`;
    if (!name.startsWith(prefix) || name.endsWith(draftSuffix)) continue;
    const info = await fileInfo(name, join(root, name));
    if (info !== undefined) found.push(info);
  }
  return found.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

async function readFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder, { recursive: true });
  } catch (caught) {
    if (isAbsent(caught)) return [];
    throw toStoreError(folder, caught);
  }
}

async function fileInfo(name: string, path: string): Promise<ObjectInfo | undefined> {
  try {
    const info = await stat(path);
    return info.isFile() ? { name, sizeBytes: info.size } : undefined;
  } catch (caught) {
    if (isAbsent(caught)) return undefined;
    throw toStoreError(name, caught);
  }
}

async function reading<Result>(name: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (caught) {
    if (isAbsent(caught) || codeOf(caught) === "EISDIR") throw objectNotFound(name, caught);
    throw toStoreError(name, caught);
  }
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (caught) {
    throw toStoreError(path, caught);
  }
}

function isAbsent(caught: unknown): boolean {
  return codeOf(caught) === "ENOENT" || codeOf(caught) === "ENOTDIR";
}
