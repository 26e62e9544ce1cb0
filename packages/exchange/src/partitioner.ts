import {
  assert,
  InvariantError,
  keyGroupOf,
  keyHash,
  StreamError,
  subtaskIndexOf,
} from "@millrace/core";

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
    case "global":
      return { hash: 0, select: () => 0, targetOf: notHashed };
    case "rebalance":
      return new RebalancePartitioner(targets);
    case "shuffle":
      return new ShufflePartitioner(targets);
    case "custom":
      return new CustomPartitioner(partitioning, targets.count);
    case "broadcast":
      throw new InvariantError("a broadcast chooses no target");
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

/** Each sender draws its own sequence, the same in every run: chance is not what a run depends on. */
class ShufflePartitioner implements Partitioner {
  readonly hash = 0;
  readonly #count: number;
  #state: number;

  constructor({ count, fromIndex }: { readonly count: number; readonly fromIndex: number }) {
    this.#count = count;
    this.#state = Math.imul(fromIndex + 1, 0x9e37_79b9);
  }

  /** Marsaglia's xorshift of 32 bits; the product takes the upper bits, which are the better ones. */
  select(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return Math.floor(((state >>> 0) / 0x1_0000_0000) * this.#count);
  }

  targetOf(): number {
    return notHashed();
  }
}

/** By a function of the author. */
class CustomPartitioner implements Partitioner {
  readonly hash = 0;
  readonly #choose: (value: unknown, targetCount: number) => unknown;
  readonly #count: number;

  constructor(partitioning: OutputPartitioning & { readonly kind: "custom" }, targetCount: number) {
    this.#choose = partitioning.select;
    this.#count = targetCount;
  }

  select(value: unknown): number {
    const index = this.#choose(value, this.#count);
    if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < this.#count) {
      return index;
    }
    throw new StreamError(
      "user-function-failed",
      `it returned ${String(index)} for ${this.#count} subtasks: return a whole number from 0 to ${this.#count - 1}`,
      { domain: "user", retry: "never" },
    );
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
