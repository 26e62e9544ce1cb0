import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { assert, type LocalDisk } from "@millrace/core";

import type { BundleCache } from "../worker-ports.ts";

/**
 * Returns a cache in a folder of the worker, made when it is first needed. The file is written anew
 * each time: nothing that lies there is trusted.
 */
export function createFileBundleCache(disk: LocalDisk, folder: string): BundleCache {
  return {
    store: async (sha256, bytes) => {
      assert(/^[0-9a-f]{64}$/.test(sha256), "a bundle is named by its hash and by nobody");
      const path = join(folder, `${sha256}.mjs`);
      await disk.makeFolder(folder);
      await disk.writeFile(path, bytes);
      return pathToFileURL(path).href;
    },
  };
}
