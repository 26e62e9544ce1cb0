import { StreamError, type Clock } from "@millrace/core";
import type { Etcd3, ICompare, IRequestOp } from "etcd3";

import { checkTransaction } from "./check-transaction.ts";
import { callEtcd, callTimeoutMs, openEtcdClient } from "./etcd-client.ts";
import { toEtcdError, type EtcdCallKind } from "./etcd-errors.ts";
import { createKeyspace, toEntry, type Keyspace } from "./etcd-keys.ts";
import { EtcdWatch } from "./etcd-watch.ts";
import { leaseNotFound } from "./memory-leases.ts";
import type {
  MetadataCompare,
  MetadataEntry,
  MetadataLeases,
  MetadataListing,
  MetadataStore,
  MetadataTransaction,
  MetadataWrite,
  TransactionResult,
} from "./metadata-store.ts";
import type { EtcdStoreOptions } from "./open-etcd-store.ts";

/**
 * A metadata store in etcd.
 *
 * I1 A compare and the writes are one etcd transaction; revisions are etcd's (S1).
 * I2 A write whose outcome etcd did not tell is `unknown-outcome`, never sent again by itself (S3).
 */
export class EtcdStore implements MetadataStore {
  readonly #client: Etcd3;
  readonly #clock: Clock;
  readonly #keyspace: Keyspace;
  readonly #memberCount: number;
  readonly #watches = new Set<EtcdWatch>();
  #isClosed = false;

  constructor(options: EtcdStoreOptions) {
    this.#client = openEtcdClient(options, options.clock);
    this.#clock = options.clock;
    this.#keyspace = createKeyspace(options.root);
    this.#memberCount = options.endpoints.length;
  }

  readonly leases: MetadataLeases = {
    grant: async (ttlMs) => {
      const TTL = Math.max(1, Math.ceil(ttlMs / 1_000));
      // An unknown outcome costs at most a lease that ends by itself.
      const { ID } = await this.#call("grant of a lease", "read", () =>
        this.#client.leaseClient.leaseGrant({ TTL }),
      );
      return BigInt(ID);
    },
    keepAlive: (leaseId) => this.#keepAlive(leaseId),
    revoke: async (leaseId) => {
      try {
        await this.#call("revoke of a lease", "write", () =>
          this.#client.leaseClient.leaseRevoke({ ID: String(leaseId) }),
        );
      } catch (caught) {
        if (!StreamError.is(caught, "not-found")) throw caught;
      }
    },
  };

  async get(key: string): Promise<MetadataEntry | undefined> {
    const { kvs } = await this.#call(`get of ${key}`, "read", () =>
      this.#client.kv.range({ key: this.#keyspace.toKey(key) }),
    );
    const [kv] = kvs;
    return kv === undefined ? undefined : toEntry(this.#keyspace, kv);
  }

  async list(prefix: string): Promise<MetadataListing> {
    const { kvs, header } = await this.#call(`list of ${prefix}*`, "read", () =>
      this.#client.kv.range(this.#keyspace.rangeOf(prefix)),
    );
    const entries = kvs.map((kv) => toEntry(this.#keyspace, kv));
    return { entries, revision: BigInt(header.revision) };
  }

  async transact(transaction: MetadataTransaction): Promise<TransactionResult> {
    checkTransaction(transaction);
    const { compares, writes } = transaction;
    const { succeeded, header } = await this.#call("transaction", "write", () =>
      this.#client.kv.txn({
        compare: compares.map((compare) => this.#toCompare(compare)),
        success: writes.map((write) => this.#toOperation(write)),
      }),
    );
    return { isApplied: succeeded, revision: BigInt(header.revision) };
  }

  watch(...[prefix, afterRevision, handlers]: Parameters<MetadataStore["watch"]>): Disposable {
    const watch = new EtcdWatch({
      client: this.#client,
      keyspace: this.#keyspace,
      prefix,
      afterRevision,
      handlers,
    });
    this.#watches.add(watch);
    return {
      [Symbol.dispose]: () => {
        this.#watches.delete(watch);
        watch[Symbol.dispose]();
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#client.close();
    return Promise.resolve();
  }

  #call<Result>(call: string, kind: EtcdCallKind, send: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) return Promise.reject(storeClosed(call));
    return callEtcd({ call, kind, memberCount: this.#memberCount }, send);
  }

  /** On a stream of its own: the client's lease object gives up after one failure. */
  async #keepAlive(leaseId: bigint): Promise<void> {
    const call = "keep-alive of the lease";
    const stream = await this.#call(call, "read", () => this.#client.leaseClient.leaseKeepAlive());
    const answer = Promise.withResolvers<string>();
    const timer = this.#clock.schedule(callTimeoutMs, () => {
      answer.reject(new Error(`4 DEADLINE_EXCEEDED: no answer within ${callTimeoutMs} ms`));
    });
    try {
      stream.on("error", answer.reject);
      stream.on("end", () => answer.reject(new Error("14 UNAVAILABLE: the stream ended")));
      stream.on("data", ({ TTL }: { TTL: string }) => answer.resolve(TTL));
      stream.write({ ID: String(leaseId) });
      const ttl = await answer.promise;
      if (BigInt(ttl) <= 0n) throw leaseNotFound(leaseId);
    } catch (caught) {
      throw caught instanceof StreamError ? caught : toEtcdError(caught, call, "read");
    } finally {
      timer[Symbol.dispose]();
      stream.cancel();
    }
  }

  #toCompare({ key, target, equals }: MetadataCompare): ICompare {
    const base = { key: this.#keyspace.toKey(key), result: "Equal" } as const;
    return target === "createRevision"
      ? { ...base, target: "Create", create_revision: String(equals) }
      : { ...base, target: "Mod", mod_revision: String(equals) };
  }

  #toOperation(write: MetadataWrite): IRequestOp {
    const key = this.#keyspace.toKey(write.key);
    if (write.kind === "delete") return { request_delete_range: { key } };
    const lease = write.lease === undefined ? {} : { lease: String(write.lease) };
    return { request_put: { key, value: Buffer.from(write.value), ...lease } };
  }
}

function storeClosed(call: string): StreamError {
  return new StreamError("cancelled", `etcd, ${call}: the store is closed`, {
    domain: "internal",
    retry: "never",
  });
}
