import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { StreamError, type Clock } from "@millrace/core";
import { openSqliteMetadataStore, type MetadataStore } from "@millrace/metadata";
import { openFileObjectStore, type ObjectStore } from "@millrace/storage";

/** Returns the object store of a data folder; throws `folder-not-writable`. */
export async function openObjects(dataFolder: string): Promise<ObjectStore> {
  await makeDataFolder(dataFolder);
  return openFileObjectStore(join(resolve(dataFolder), "objects"));
}

/** Returns the metadata store of a data folder; throws `folder-not-writable`. */
export async function openMetadata(dataFolder: string, clock: Clock): Promise<MetadataStore> {
  await makeDataFolder(dataFolder);
  return openSqliteMetadataStore(join(resolve(dataFolder), "metadata.sqlite"), clock);
}

async function makeDataFolder(dataFolder: string): Promise<void> {
  try {
    await mkdir(dataFolder, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StreamError(
      "folder-not-writable",
      `the data folder ${resolve(dataFolder)} cannot be made (${reason})`,
      { domain: "user", retry: "never", cause },
    );
  }
}
