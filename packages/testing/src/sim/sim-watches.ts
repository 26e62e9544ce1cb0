import { StreamError } from "@millrace/core";
import type { MetadataStore, WatchHandlers } from "@millrace/metadata";

import { drawDelay, type StoreLink } from "./store-call.ts";
import type { MetadataConditions } from "./store-conditions.ts";

interface WatchRequest {
  readonly prefix: string;
  readonly afterRevision: bigint;
  readonly handlers: WatchHandlers;
}

/**
 * All watches of a simulated metadata store, so that faults reach them.
 *
 * I1 What a watch tells is late but keeps its order; once disposed or lost it tells nothing.
 * I2 A watch that missed something, because it was silent or its process was cut off, never tells
 *    anything later: it is lost, or it stays silent (F18).
 */
export class SimWatches {
  readonly #open = new Set<SimWatch>();
  #compactedRevision = 0n;

  open(
    store: MetadataStore,
    link: StoreLink<MetadataConditions>,
    request: WatchRequest,
  ): Disposable {
    const watch = new SimWatch(link, request.handlers);
    if (request.afterRevision < this.#compactedRevision) {
      watch.lose("the changes that it asks for are compacted");
      return watch;
    }
    this.#open.add(watch);
    const { prefix, afterRevision } = request;
    watch.follow(
      store.watch(prefix, afterRevision, {
        onChange: (key, entry) => watch.tell((handlers) => handlers.onChange(key, entry)),
        onLost: (cause) => watch.lose(cause.message),
      }),
    );
    watch.onEnd = () => void this.#open.delete(watch);
    return watch;
  }

  /** History up to the revision is gone: watches that are behind are lost, later ones refused. */
  compact(revision: bigint): void {
    this.#compactedRevision = revision;
    for (const watch of this.#open) if (watch.isBehind()) watch.lose("it was behind a compaction");
  }

  /** Ends all watches; returns how many there were. */
  loseAll(reason: string): number {
    const watches = [...this.#open];
    for (const watch of watches) watch.lose(reason);
    return watches.length;
  }

  /** Ends those that missed something; returns how many. */
  loseSilent(reason: string): number {
    const silent = [...this.#open].filter((watch) => watch.hasMissed());
    for (const watch of silent) watch.lose(reason);
    return silent.length;
  }
}

class SimWatch implements Disposable {
  readonly #link: StoreLink<MetadataConditions>;
  readonly #handlers: WatchHandlers;
  readonly #queue: (() => void)[] = [];
  #source: Disposable | undefined;
  #hasMissed = false;
  #isLost = false;
  #isDisposed = false;
  onEnd: () => void = () => {};

  constructor(link: StoreLink<MetadataConditions>, handlers: WatchHandlers) {
    this.#link = link;
    this.#handlers = handlers;
  }

  follow(source: Disposable): void {
    this.#source = source;
  }

  isBehind(): boolean {
    return this.#queue.length > 0;
  }

  hasMissed(): boolean {
    return this.#hasMissed;
  }

  tell(call: (handlers: WatchHandlers) => void): void {
    const { conditions, process } = this.#link;
    const isCutOff = conditions.isDown || conditions.cutOff.has(process);
    this.#hasMissed ||= conditions.isSilent || isCutOff;
    if (this.#isLost || this.#hasMissed) return;
    this.#post(() => call(this.#handlers));
  }

  lose(reason: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#queue.length = 0;
    this.#end();
    this.#post(() => this.#handlers.onLost(watchLost(reason)));
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#end();
  }

  #end(): void {
    this.#source?.[Symbol.dispose]();
    this.onEnd();
  }

  #post(call: () => void): void {
    this.#queue.push(call);
    this.#link.process.post(drawDelay(this.#link), "watch", () => {
      const next = this.#queue.shift();
      if (!this.#isDisposed) next?.();
    });
  }
}

function watchLost(reason: string): StreamError {
  return new StreamError("unavailable", `the watch was lost: ${reason} (simulated)`, {
    domain: "external",
    retry: "backoff",
  });
}
