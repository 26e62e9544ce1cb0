import { StreamError, type Clock } from "@millrace/core";

import { watchLost } from "./memory-store.ts";
import type { MetadataEntry, WatchHandlers } from "./metadata-store.ts";

/** Other processes write too: so often their changes are looked for. */
const pollPeriodMs = 100;

interface WatchedChange {
  readonly key: string;
  readonly entry: MetadataEntry | undefined;
}

export interface SqliteWatchOptions {
  readonly clock: Clock;
  readonly prefix: string;
  readonly afterRevision: bigint;
  readonly handlers: WatchHandlers;
  /**
   * Returns what changed under the prefix after the revision, as of one revision, in the order of
   * the last changes; undefined if that is forgotten.
   */
  readonly readChanges: (
    prefix: string,
    afterRevision: bigint,
  ) => { readonly changes: readonly WatchedChange[]; readonly revision: bigint } | undefined;
}

/**
 * A watch on a SQLite file: looks at once after a change by this process, and at intervals for
 * changes by others.
 *
 * I1 A change is told once, in order; several changes of a key between two looks are told as one.
 * I2 Handlers are never called from inside of a call to the store.
 */
export class SqliteWatch implements Disposable {
  readonly #options: SqliteWatchOptions;
  #toldRevision: bigint;
  #timer: Disposable | undefined;
  #isOver = false;

  constructor(options: SqliteWatchOptions) {
    this.#options = options;
    this.#toldRevision = options.afterRevision;
    this.lookSoon();
  }

  lookSoon(): void {
    this.#schedule(0);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
  }

  #schedule(delayMs: number): void {
    if (this.#isOver) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      // Before the look: a handler that writes asks for another one at once.
      this.#schedule(pollPeriodMs);
      this.#look();
    });
  }

  #look(): void {
    const { prefix, readChanges, handlers } = this.#options;
    try {
      const found = readChanges(prefix, this.#toldRevision);
      if (found === undefined) {
        this.#lose(watchLost(prefix, this.#toldRevision));
        return;
      }
      this.#toldRevision = found.revision;
      for (const { key, entry } of found.changes) {
        if (!this.#isOver) handlers.onChange(key, entry);
      }
    } catch (caught) {
      this.#lose(StreamError.from(caught));
    }
  }

  #lose(cause: StreamError): void {
    this[Symbol.dispose]();
    this.#options.handlers.onLost(cause);
  }
}
