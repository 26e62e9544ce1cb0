import { StreamError } from "@millrace/core";
import type { Etcd3, IWatchResponse } from "etcd3";

import { toEtcdError } from "./etcd-errors.ts";
import { toEntry, type Keyspace } from "./etcd-keys.ts";
import type { WatchHandlers } from "./metadata-store.ts";

type WatchStream = Awaited<ReturnType<Etcd3["watchClient"]["watch"]>>;

export interface EtcdWatchOptions {
  readonly client: Etcd3;
  readonly keyspace: Keyspace;
  readonly prefix: string;
  readonly afterRevision: bigint;
  readonly handlers: WatchHandlers;
}

/**
 * A watch on a stream of its own. It does not reconnect: what goes wrong is told, once, and whoever
 * watches lists again (F18).
 *
 * I1 After `onLost` or the end nothing is told.
 */
export class EtcdWatch implements Disposable {
  readonly #options: EtcdWatchOptions;
  #stream: WatchStream | undefined;
  #isOver = false;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    void this.#open();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#stream?.cancel();
  }

  async #open(): Promise<void> {
    const { client, keyspace, prefix, afterRevision } = this.#options;
    try {
      const stream = await client.watchClient.watch();
      this.#stream = stream;
      // A cancelled stream says so by an error: there must be a listener.
      stream.on("error", (cause: unknown) => this.#lose(cause));
      stream.on("end", () => this.#lose(new Error("the stream ended")));
      stream.on("data", (response: IWatchResponse) => this.#onResponse(response));
      if (this.#isOver) {
        stream.cancel();
        return;
      }
      stream.write({
        create_request: {
          ...keyspace.rangeOf(prefix),
          start_revision: String(afterRevision + 1n),
          progress_notify: true,
        },
      });
    } catch (cause) {
      this.#lose(cause);
    }
  }

  #onResponse(response: IWatchResponse): void {
    if (response.canceled) {
      const forgotten = BigInt(response.compact_revision) > 0n;
      const reason = forgotten ? "what it asks for is compacted" : response.cancel_reason;
      this.#lose(new Error(`cancelled: ${reason}`));
      return;
    }
    for (const event of response.events) {
      if (this.#isOver) return;
      const entry = toEntry(this.#options.keyspace, event.kv);
      // Enums arrive as their names.
      const isDelete = String(event.type).toLowerCase() === "delete";
      this.#options.handlers.onChange(entry.key, isDelete ? undefined : entry);
    }
  }

  #lose(cause: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream?.cancel();
    const { prefix, handlers } = this.#options;
    const { message } = toEtcdError(cause, `watch of ${prefix}*`, "read");
    handlers.onLost(
      new StreamError("unavailable", message, { domain: "external", retry: "backoff", cause }),
    );
  }
}
