import type { ObjectRange, ObjectStore } from "@millrace/storage";

import { callStore, type StoreLink } from "./store-call.ts";
import type { ObjectConditions } from "./store-conditions.ts";

/**
 * After so many wrong reads of the same bytes by one process all others are right: they pass (F13).
 * In all and not in a row, because two of its readers may take turns.
 */
const maxWrongReads = 2;

/** Returns the object store as the process sees it. */
export function createSimObjectStore(
  store: ObjectStore,
  link: StoreLink<ObjectConditions>,
): ObjectStore {
  const { conditions, faultRandom } = link;
  const spoiler = createSpoiler(link);
  return {
    put: async (name, parts, signal) => {
      signal?.throwIfAborted();
      const copies = parts.map((part) => part.slice());
      return callStore(link, {
        name: "object put",
        kind: "put",
        signal,
        apply: () => store.put(name, copies),
        delayMs: drawUpTo(link, conditions.maxPutDelayMs),
        isRequestLost: faultRandom.chance(conditions.failedPuts),
        isResponseLost: faultRandom.chance(conditions.ambiguousPuts),
      });
    },
    get: async (name, range, signal) => {
      signal?.throwIfAborted();
      return callStore(link, {
        name: "object get",
        kind: "read",
        signal,
        apply: async () => spoiler.pass(name, range, await store.get(name, range)),
      });
    },
    stat: (name) =>
      callStore(link, { name: "object stat", kind: "read", apply: () => store.stat(name) }),
    list: (prefix) =>
      callStore(link, { name: "object list", kind: "read", apply: () => store.list(prefix) }),
    remove: (names) =>
      callStore(link, { name: "object remove", kind: "put", apply: () => store.remove(names) }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function drawUpTo({ faultRandom }: StoreLink, limitMs: number): number {
  return limitMs === 0 ? 0 : faultRandom.below(limitMs);
}

/** Spoils what is read on its way, now and then. */
function createSpoiler({ conditions, faultRandom, counts }: StoreLink<ObjectConditions>) {
  const wrongReads = new Map<string, number>();
  return {
    pass(name: string, range: ObjectRange | undefined, bytes: Uint8Array): Uint8Array {
      const key = `${name} ${range?.offset} ${range?.length}`;
      const before = wrongReads.get(key) ?? 0;
      const isWrong = before < maxWrongReads && faultRandom.chance(conditions.wrongReads);
      if (!isWrong || bytes.length === 0) return bytes;
      wrongReads.set(key, before + 1);
      counts.wrongReads += 1;
      const place = faultRandom.below(bytes.length);
      return faultRandom.chance(0.5) ? bytes.slice(0, place) : withChange(bytes, place);
    },
  };
}

/** Returns a copy that differs in one byte. */
export function withChange(bytes: Uint8Array, place: number): Uint8Array {
  const changed = bytes.slice();
  changed[place] = (changed[place] ?? 0) ^ 0x55;
  return changed;
}
