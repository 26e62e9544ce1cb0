import { keyGroupOf, keyHash } from "@millrace/core";

import { sectionsOf } from "./read-block.ts";
import { bytesOfKey, updated, valueAt, valueKeys, type Write } from "./value-operations.ts";
import type { TakenSnapshot } from "./value-runs.ts";

/** What is known of a key that was ever written. */
interface KnownKey {
  readonly group: number;
  /** undefined: removed. */
  readonly value: unknown;
  readonly writtenEpoch: number;
  /** That of the write before which nothing was left of the key. */
  readonly createdEpoch: number;
}

type Keys = ReadonlyMap<string, KnownKey>;

interface ModelBarrier {
  readonly epoch: number;
  /** Of the base that the barrier named. */
  readonly base: { readonly epoch: number; readonly keys: Keys } | undefined;
  readonly keys: Keys;
}

/** What a key's entry has to be: of a base or a full snapshot, or of a delta. */
type Expected =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "tombstone" }
  /** It was not there at the base either: said again where the first removal is not swept out yet. */
  | { readonly kind: "tombstone-or-nothing" };

/**
 * A state and its snapshots without tables, cells and lists: whole copies at each barrier, from which
 * what each snapshot must say follows (I3 and I4 of `KeyedBackend`).
 */
export class ChainModel {
  readonly #maxParallelism: number;
  #keys = new Map<string, KnownKey>();
  #epoch = 1;
  /** Tombstones up to this one are swept out for certain. */
  #sweptEpoch = -1;
  #barriers = new Map<number, ModelBarrier>();
  /** What the last restart went on from. */
  #restored: { readonly number: number; readonly keys: Keys } | undefined;

  constructor(maxParallelism = 4) {
    this.#maxParallelism = maxParallelism;
  }

  write(operation: Write): void {
    const key = valueKeys[operation.key];
    const bytes = bytesOfKey(key);
    const known = this.#keys.get(bytes);
    if (operation.kind === "clear" && known?.value === undefined) return;
    const isLeft =
      known !== undefined && (known.value !== undefined || known.writtenEpoch > this.#sweptEpoch);
    let value: unknown;
    if (operation.kind === "set") value = valueAt(operation.value);
    else if (operation.kind === "update") value = updated(known?.value);
    this.#keys.set(bytes, {
      group: keyGroupOf(keyHash(key), this.#maxParallelism),
      value,
      writtenEpoch: this.#epoch,
      createdEpoch: isLeft ? known.createdEpoch : this.#epoch,
    });
  }

  barrier(number: number, base: number | undefined): void {
    const barrier = { epoch: this.#epoch, base: this.#baseOf(base), keys: new Map(this.#keys) };
    this.#barriers.set(number, barrier);
    this.#epoch += 1;
  }

  /** The job goes on from what the checkpoint held, or from nothing. */
  restart(head: number | undefined): void {
    const alive = [...(head === undefined ? [] : this.#at(head).keys)].flatMap(
      ([bytes, known]): readonly (readonly [string, KnownKey])[] =>
        known.value === undefined ? [] : [[bytes, { ...known, writtenEpoch: 0, createdEpoch: 0 }]],
    );
    this.#keys = new Map(alive);
    this.#epoch = 1;
    this.#sweptEpoch = -1;
    this.#restored = head === undefined ? undefined : { number: head, keys: new Map(alive) };
  }

  /** Returns the value of each of `valueKeys`, at a barrier or now. */
  contents(number?: number): readonly unknown[] {
    const keys = number === undefined ? this.#keys : this.#at(number).keys;
    return valueKeys.map((key) => keys.get(bytesOfKey(key))?.value);
  }

  liveCount(number?: number): number {
    const keys = number === undefined ? this.#keys : this.#at(number).keys;
    return [...keys.values()].filter(({ value }) => value !== undefined).length;
  }

  /** Takes in that a snapshot has ended; returns what its blocks say wrongly, too much, or not at all. */
  end({ number, blocks }: TakenSnapshot): readonly string[] {
    const barrier = this.#at(number);
    const { base } = barrier;
    const wrong: string[] = [];
    const roles = new Map<number, "base" | "delta">();
    const said = new Map<string, unknown>();
    for (const block of blocks) {
      for (let group = block.groupStart; group <= block.groupEnd; group += 1) {
        if ((roles.get(group) ?? block.role) !== block.role) wrong.push(`two roles of ${group}`);
        roles.set(group, block.role);
      }
      for (const { key, value } of sectionsOf(block).flatMap(({ entries }) => entries)) {
        const bytes = bytesOfKey(key);
        if (said.has(bytes)) wrong.push(`key ${bytes} twice`);
        said.set(bytes, value);
      }
    }
    for (let group = 0; group < this.#maxParallelism; group += 1) {
      if (base === undefined && roles.get(group) !== "base") wrong.push(`no base of ${group}`);
    }
    for (const [bytes, known] of barrier.keys) {
      const isBase = base === undefined || roles.get(known.group) === "base";
      const expected = isBase ? expectedOfBase(known) : expectedOfDelta(bytes, known, base);
      if (!isAsExpected(said, bytes, expected)) {
        wrong.push(`key ${bytes}, ${JSON.stringify(expected)}, ${JSON.stringify(said.get(bytes))}`);
      }
      said.delete(bytes);
    }
    for (const bytes of said.keys()) wrong.push(`key ${bytes} of nowhere`);
    // Where groups became bases it may be that the backend had forgotten what the barrier named.
    if (base !== undefined && [...roles.values()].includes("delta")) {
      this.#sweptEpoch = Math.max(this.#sweptEpoch, base.epoch);
    }
    return wrong;
  }

  #baseOf(base: number | undefined): ModelBarrier["base"] {
    if (base === undefined) return undefined;
    if (base === this.#restored?.number) return { epoch: 0, keys: this.#restored.keys };
    const { epoch, keys } = this.#at(base);
    return { epoch, keys };
  }

  #at(number: number): ModelBarrier {
    const barrier = this.#barriers.get(number);
    if (barrier === undefined) throw new Error(`checkpoint ${number} had no barrier`);
    return barrier;
  }
}

function expectedOfBase({ value }: KnownKey): Expected | undefined {
  return value === undefined ? undefined : { kind: "value", value };
}

function expectedOfDelta(
  bytes: string,
  known: KnownKey,
  base: { readonly epoch: number; readonly keys: Keys },
): Expected | undefined {
  if (known.writtenEpoch <= base.epoch) return undefined;
  const { value } = known;
  if (value !== undefined) return { kind: "value", value };
  if (base.keys.get(bytes)?.value !== undefined) return { kind: "tombstone" };
  return known.createdEpoch <= base.epoch ? { kind: "tombstone-or-nothing" } : undefined;
}

function isAsExpected(
  said: ReadonlyMap<string, unknown>,
  bytes: string,
  expected: Expected | undefined,
): boolean {
  const value = said.get(bytes);
  switch (expected?.kind) {
    case undefined:
      return !said.has(bytes);
    case "value":
      return isSameValue(value, expected.value);
    case "tombstone":
      return said.has(bytes) && value === undefined;
    case "tombstone-or-nothing":
      return value === undefined;
  }
}

function isSameValue(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object") return Object.is(one, other);
  return JSON.stringify(one) === JSON.stringify(other);
}
