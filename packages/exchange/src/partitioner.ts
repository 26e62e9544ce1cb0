import { assert, InvariantError, keyGroupOf, keyHash, subtaskIndexOf } from "@millrace/core";

import type { OutputPartitioning } from "./contract.ts";

/** Chooses the target of each record. `hash` is that of the last record's key, or 0. */
export interface Partitioner {
  readonly hash: number;
  /** Returns an index in the targets; throws `key-not-encodable` and what the key function throws. */
  select(value: unknown): number;
  /** Returns the index for a key's hash; of hash edges only. */
  targetOf(hash: number): number;
}

/** Returns the partitioner of an edge with so many targets. */
export function createPartitioner(
  partitioning: OutputPartitioning,
  targets: { readonly count: number; readonly fromIndex: number },
): Partitioner {
  assert(targets.count > 0, "an edge has targets");
  switch (partitioning.kind) {
    case "forward":
      return { hash: 0, select: () => 0, targetOf: notHashed };
    case "rebalance":
      return new RebalancePartitioner(targets);
    case "hash":
      return new HashPartitioner(partitioning, targets.count);
  }
}

/** Round robin; each sender begins at another target. */
class RebalancePartitioner implements Partitioner {
  readonly hash = 0;
  readonly #count: number;
  #next: number;

  constructor({ count, fromIndex }: { readonly count: number; readonly fromIndex: number }) {
    this.#count = count;
    this.#next = fromIndex % count;
  }

  select(): number {
    const index = this.#next;
    this.#next = index + 1 === this.#count ? 0 : index + 1;
    return index;
  }

  targetOf(): number {
    return notHashed();
  }
}

function notHashed(): never {
  throw new InvariantError("a hash was given to an edge that is not partitioned by one");
}

/** By key group: the key is selected and hashed here, once, and the hash travels (S9). */
class HashPartitioner implements Partitioner {
  hash = 0;
  readonly #selectKey: (value: unknown) => unknown;
  readonly #maxParallelism: number;
  /** By key group. */
  readonly #targetIndexes: Uint16Array;

  constructor(partitioning: OutputPartitioning & { readonly kind: "hash" }, targetCount: number) {
    const { selectKey, maxParallelism } = partitioning;
    this.#selectKey = selectKey;
    this.#maxParallelism = maxParallelism;
    const job = { maxParallelism, parallelism: targetCount };
    this.#targetIndexes = Uint16Array.from({ length: maxParallelism }, (_, group) =>
      subtaskIndexOf(group, job),
    );
  }

  select(value: unknown): number {
    const hash = keyHash(this.#selectKey(value));
    this.hash = hash;
    return this.targetOf(hash);
  }

  targetOf(hash: number): number {
    return this.#targetIndexes[keyGroupOf(hash, this.#maxParallelism)] ?? 0;
  }
}
