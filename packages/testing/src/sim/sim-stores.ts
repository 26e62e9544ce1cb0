import { StreamError } from "@millrace/core";
import type { MetadataStore } from "@millrace/metadata";
import type { ObjectStore } from "@millrace/storage";

import type { SeededRandom } from "./seeded-random.ts";
import type { SimProcess } from "./sim-process.ts";

/** How often calls of a store go wrong; the fault schedule changes it while the simulation runs. */
export interface StoreConditions {
  minLatencyMs: number;
  maxLatencyMs: number;
  /** The request never arrives: nothing happened, the caller is told so or is left unsure. */
  lostRequests: number;
  /** It happened, but the caller does not learn it. */
  lostResponses: number;
  /** Everything fails at once. */
  isDown: boolean;
}

export interface StoreCounts {
  calls: number;
  unknownOutcomes: number;
  failures: number;
}

export function createStoreConditions(): StoreConditions {
  return { minLatencyMs: 0.3, maxLatencyMs: 3, lostRequests: 0, lostResponses: 0, isDown: false };
}

interface StoreLink {
  readonly process: SimProcess;
  readonly random: SeededRandom;
  readonly conditions: StoreConditions;
  readonly counts: StoreCounts;
}

/** Returns the metadata store as the process sees it: away, slow, and sometimes silent. */
export function createSimMetadataStore(store: MetadataStore, link: StoreLink): MetadataStore {
  return {
    get: (key) => remote(link, "metadata get", () => store.get(key), "read"),
    list: (prefix) => remote(link, "metadata list", () => store.list(prefix), "read"),
    transact: (transaction) =>
      remote(link, "metadata transact", () => store.transact(transaction), "write"),
    watch: (prefix, afterRevision, handlers) => {
      const told = createTellingQueue(link);
      const watch = store.watch(prefix, afterRevision, {
        onChange: (key, entry) => told.tell(() => handlers.onChange(key, entry)),
        onLost: (cause) => told.tell(() => handlers.onLost(cause)),
      });
      return {
        [Symbol.dispose]: () => {
          watch[Symbol.dispose]();
          told[Symbol.dispose]();
        },
      };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Returns the object store as the process sees it. */
export function createSimObjectStore(store: ObjectStore, link: StoreLink): ObjectStore {
  return {
    put: async (name, parts, signal) => {
      signal?.throwIfAborted();
      const copies = parts.map((part) => part.slice());
      return remote(link, "object put", () => store.put(name, copies), "put");
    },
    get: async (name, range, signal) => {
      signal?.throwIfAborted();
      return remote(link, "object get", () => store.get(name, range), "read");
    },
    stat: (name) => remote(link, "object stat", () => store.stat(name), "read"),
    list: (prefix) => remote(link, "object list", () => store.list(prefix), "read"),
    remove: (names) => remote(link, "object remove", () => store.remove(names), "put"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** What a watch tells is late, but keeps its order; after the watch is disposed it is silent. */
function createTellingQueue(link: StoreLink): Disposable & { tell(call: () => void): void } {
  const queue: (() => void)[] = [];
  let isDisposed = false;
  return {
    tell(call) {
      queue.push(call);
      link.process.post(drawDelay(link), "watch", () => {
        const next = queue.shift();
        if (!isDisposed) next?.();
      });
    },
    [Symbol.dispose]: () => {
      isDisposed = true;
    },
  };
}

type CallKind = "read" | "write" | "put";

function remote<Result>(
  link: StoreLink,
  call: string,
  apply: () => Promise<Result>,
  kind: CallKind,
): Promise<Result> {
  const { process, random, conditions, counts } = link;
  counts.calls += 1;
  const isRequestLost = conditions.isDown || random.chance(conditions.lostRequests);
  const isResponseLost = random.chance(conditions.lostResponses);
  return new Promise((resolve, reject) => {
    const answer = (settle: () => void, delayMs: number): void => {
      process.post(delayMs, `${call} answer`, settle);
    };
    const fail = (delayMs: number, isKnown: boolean): void => {
      if (isKnown) counts.failures += 1;
      else counts.unknownOutcomes += 1;
      answer(() => reject(storeError(call, isKnown)), delayMs);
    };
    if (!process.isAlive()) return;
    process.scheduler.schedule(drawDelay(link), `${process.name} ${call}`, () => {
      if (isRequestLost) {
        fail(drawDelay(link) + 20, kind !== "write" || random.chance(0.5));
        return;
      }
      void apply().then(
        (result) => {
          if (isResponseLost) fail(drawDelay(link) + 20, kind !== "write");
          else answer(() => resolve(result), drawDelay(link));
        },
        (error: unknown) => answer(() => reject(error), drawDelay(link)),
      );
    });
  });
}

function drawDelay({ conditions, random }: StoreLink): number {
  const { minLatencyMs, maxLatencyMs } = conditions;
  return minLatencyMs + ((maxLatencyMs - minLatencyMs) * random.below(1_000)) / 1_000;
}

function storeError(call: string, isKnown: boolean): StreamError {
  const code = isKnown ? "unavailable" : "unknown-outcome";
  return new StreamError(code, `${call}: ${isKnown ? "not reached" : "no answer"} (simulated)`, {
    domain: "external",
    retry: "backoff",
  });
}
