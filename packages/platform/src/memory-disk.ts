import { StreamError, type LocalDisk } from "@millrace/core";

/** A file system in memory, for the simulation and tests. Folders exist by their files. */
export interface MemoryDisk extends LocalDisk {
  /** Loses what was appended and not synced, as a power cut does. */
  crash(): void;
}

interface MemoryFile {
  bytes: Uint8Array;
  syncedLength: number;
}

/** Returns an empty disk. */
export function createMemoryDisk(): MemoryDisk {
  const files = new Map<string, MemoryFile>();
  const folders = new Set<string>();
  const existing = (path: string): MemoryFile => {
    const file = files.get(path);
    if (file !== undefined) return file;
    throw new StreamError("not-found", `there is no file ${path}`, {
      domain: "external",
      retry: "never",
    });
  };
  return {
    async stat(path) {
      const file = files.get(path);
      if (file !== undefined) return { sizeBytes: file.bytes.length, isFolder: false };
      const isFolder =
        folders.has(path) || [...files.keys()].some((name) => name.startsWith(`${path}/`));
      return isFolder ? { sizeBytes: 0, isFolder } : undefined;
    },
    readRange: async (path, { offset, length }) =>
      existing(path).bytes.slice(offset, offset + length),
    async list(path) {
      const prefix = `${path}/`;
      const names = [...files.keys(), ...folders]
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length).split("/")[0] ?? "");
      return [...new Set(names)].toSorted();
    },
    async makeFolder(path) {
      for (const folder of withParents(path)) {
        if (files.has(folder)) throw notAFolder(path, folder);
        folders.add(folder);
      }
    },
    writeFile: async (path, bytes) =>
      void files.set(path, { bytes: bytes.slice(), syncedLength: bytes.length }),
    async append(path, bytes) {
      const file = files.get(path) ?? { bytes: new Uint8Array(0), syncedLength: 0 };
      const longer = new Uint8Array(file.bytes.length + bytes.length);
      longer.set(file.bytes);
      longer.set(bytes, file.bytes.length);
      files.set(path, { ...file, bytes: longer });
    },
    async sync(path) {
      const file = existing(path);
      file.syncedLength = file.bytes.length;
    },
    async rename(from, to) {
      files.set(to, existing(from));
      files.delete(from);
    },
    remove: async (path) => void files.delete(path),
    crash() {
      for (const [path, file] of files) {
        if (file.syncedLength === 0 && file.bytes.length > 0) files.delete(path);
        else file.bytes = file.bytes.slice(0, file.syncedLength);
      }
    },
  };
}

/** The path and each folder above it, the root excepted. */
function withParents(path: string): readonly string[] {
  const names = path.split("/").filter((name) => name !== "");
  return names.map((_name, index) => `/${names.slice(0, index + 1).join("/")}`);
}

function notAFolder(path: string, file: string): StreamError {
  return new StreamError(
    "folder-not-writable",
    `${path} cannot be written (ENOTDIR): ${file} is a file`,
    { domain: "external", retry: "never" },
  );
}
