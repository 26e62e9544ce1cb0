import { StreamError } from "@millrace/core";
import { createMemoryObjectStore, type ObjectRange, type ObjectStore } from "@millrace/storage";

/** An object store in memory whose calls the test makes fail, stall or lie. */
export class FaultyObjects implements ObjectStore {
  readonly inner: ObjectStore = createMemoryObjectStore();
  readonly puts: string[] = [];
  readonly gets: string[] = [];
  readonly removes: string[] = [];
  /** Puts, from now on, that fail although the object is stored. */
  unknownPuts = 0;
  /** Calls, from now on, that fail with `unavailable`. */
  failures = 0;
  /** Puts wait until this resolves, or their signal aborts. */
  stall: Promise<void> | undefined;
  /** What a read gives instead of the bytes. */
  tamper: ((name: string, bytes: Uint8Array) => Uint8Array) | undefined;
  readsUnderWay = 0;
  mostReadsUnderWay = 0;

  async put(name: string, parts: readonly Uint8Array[], signal?: AbortSignal): Promise<void> {
    this.puts.push(name);
    this.#fail();
    if (this.stall !== undefined) await Promise.race([this.stall, aborted(signal)]);
    signal?.throwIfAborted();
    await this.inner.put(name, parts);
    if (this.unknownPuts > 0) {
      this.unknownPuts -= 1;
      throw unavailable("unknown-outcome");
    }
  }

  async get(name: string, range?: ObjectRange, signal?: AbortSignal): Promise<Uint8Array> {
    this.gets.push(name);
    signal?.throwIfAborted();
    this.#fail();
    this.readsUnderWay += 1;
    this.mostReadsUnderWay = Math.max(this.mostReadsUnderWay, this.readsUnderWay);
    try {
      const bytes = await this.inner.get(name, range);
      return this.tamper?.(name, bytes) ?? bytes;
    } finally {
      this.readsUnderWay -= 1;
    }
  }

  stat(name: string): Promise<number | undefined> {
    return this.inner.stat(name);
  }

  list(prefix: string): ReturnType<ObjectStore["list"]> {
    return this.inner.list(prefix);
  }

  async remove(names: readonly string[]): Promise<void> {
    this.removes.push(...names);
    await this.inner.remove(names);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #fail(): void {
    if (this.failures === 0) return;
    this.failures -= 1;
    throw unavailable("unavailable");
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    signal?.addEventListener("abort", () => resolve(), { once: true });
  });
}

function unavailable(code: "unavailable" | "unknown-outcome"): StreamError {
  return new StreamError(code, `the store is away (${code})`, {
    domain: "external",
    retry: "backoff",
  });
}
