import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** What a cluster has on its disk. */
export interface Footprint {
  readonly objectCount: number;
  /** Of the newest manifest; 0 before the first. */
  readonly manifestBytes: number;
  /** Of SQLite's file with what stands in its log. */
  readonly metadataBytes: number;
}

/** Returns what is in the data folder of a cluster; what goes meanwhile does not count. */
export async function readFootprint(dataFolder: string): Promise<Footprint> {
  const objects = join(dataFolder, "objects");
  const names = await readdir(objects, { recursive: true }).catch((): readonly string[] => []);
  const files = (await Promise.all(names.map((name) => readFile(join(objects, name))))).flat();
  const manifests = files.filter(({ path }) => path.includes("/manifest-"));
  const newest = manifests.toSorted((left, right) => right.writtenAtMs - left.writtenAtMs)[0];
  const metadata = await Promise.all(
    ["metadata.sqlite", "metadata.sqlite-wal"].map((name) => readFile(join(dataFolder, name))),
  );
  return {
    objectCount: files.length,
    manifestBytes: newest?.sizeBytes ?? 0,
    metadataBytes: sumBytes(metadata.flat()),
  };
}

interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly writtenAtMs: number;
}

/** Returns the file, or nothing where there is none of this name any more or yet. */
async function readFile(path: string): Promise<readonly FoundFile[]> {
  if (path.endsWith(".draft")) return [];
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile() !== true) return [];
  return [{ path, sizeBytes: info.size, writtenAtMs: info.mtimeMs }];
}

function sumBytes(files: readonly FoundFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
