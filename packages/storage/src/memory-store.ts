import { StreamError } from "@millrace/core";

import { concatBytes } from "./concat-bytes.ts";
import { checkObjectPrefix, parseObjectName } from "./object-name.ts";
import type { ObjectStore } from "./object-store.ts";

/** Returns an object store in memory; its operations take effect when they are called. */
export function createMemoryObjectStore(): ObjectStore {
  const objects = new Map<string, Uint8Array>();
  return {
    async put(name, parts, signal) {
      signal?.throwIfAborted();
      parseObjectName(name);
      objects.set(name, concatBytes(parts));
    },
    async get(name, range, signal) {
      signal?.throwIfAborted();
      const bytes = objects.get(name);
      if (bytes === undefined) throw objectNotFound(name);
      const { offset, length } = range ?? { offset: 0, length: bytes.length };
      return bytes.slice(offset, offset + length);
    },
    stat: async (name) => objects.get(name)?.length,
    async list(prefix) {
      checkObjectPrefix(prefix);
      return [...objects]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, bytes]) => ({ name, sizeBytes: bytes.length }))
        .toSorted((left, right) => (left.name < right.name ? -1 : 1));
    },
    async remove(names) {
      for (const name of names) objects.delete(name);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Returns the error of a name that has no object. */
export function objectNotFound(name: string, cause?: unknown): StreamError {
  return new StreamError("not-found", `there is no object ${name}`, {
    domain: "external",
    retry: "never",
    cause,
  });
}
