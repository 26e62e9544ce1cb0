import type { Barrier, CheckpointId, JsonValue } from "@millrace/core";

import type { TimeToLive } from "./time-to-live.ts";

/**
 * Keyed state of one operator in one subtask: cells by (state name, key group, namespace, key).
 * The namespace is a number: a pane's start, a timer's time, or 0 for plain state.
 *
 * I1 Every write marks its cell dirty for the epoch between two barriers.
 * I2 A cell that a running snapshot still needs is encoded before it is handed out for a change.
 * I3 A snapshot taken by steps equals the state at its barrier, whatever happens between the steps.
 * I4 A delta against base b holds each cell written since the barrier of b, deletions as tombstones.
 * I5 What is restored equals what was there at the barrier: cells, timers, panes (S11, D4).
 */
export interface KeyedBackend {
  /**
   * Makes the key current. The hash is `keyHash` of the key; it decides the key group. A snapshot's
   * steps lie between two calls of this: states remember what they found of the current key.
   */
  setCurrentKey(key: unknown, hash: number): void;
  currentKey(): unknown;
  /**
   * Brings near what the next look-ups of keys with these hashes will need, from index `from` up to
   * `to`; changes nothing and promises nothing. At most `maxLookAhead` of them count.
   */
  lookAhead(hashes: Int32Array, from: number, to: number): void;
  /**
   * Returns the handle of a plain state; the same handle for the same name. Its time to live is said
   * at the first call, before anything is restored.
   */
  valueState<Value>(name: string, ttl?: TimeToLive): ValueState<Value>;
  /** Returns the handle of a state with one map per key, as `valueState`; entries expire one by one. */
  mapState<MapKey, Value>(name: string, ttl?: TimeToLive): MapState<MapKey, Value>;
  /** Returns the handle of a state with one value per pane and key. */
  paneState<Value>(name: string): PaneState<Value>;
  /**
   * Makes each key current that has a value in the plain or map state of this name, one after the
   * other in no promised order, and calls back: whoever is called may change what that key holds.
   * Afterwards another key is current than before. Linear in the number of keys.
   */
  forEachKey(stateName: string, visit: (key: unknown) => void): void;
  /** Returns the timers of a time domain, event time by default; the same handle each time. */
  timers(domain?: TimeDomain): TimerState;
  /**
   * Cuts at the barrier, in constant time; the returned cursor encodes in steps. One cursor at a
   * time: the next barrier's cut may be made before, its cursor waits for its turn.
   */
  beginSnapshot(barrier: Barrier, emit: (block: StateBlock) => void): SnapshotCursor;
  /** Takes a block of an earlier snapshot in: base blocks first, then deltas in commit order. */
  restoreBlock(block: StateBlock): void;
  /** Called after the last block; from here deltas are relative to the checkpoint. */
  finishRestore(checkpointId: CheckpointId): void;
  /** Number of live cells, for metrics and logs. */
  cellCount(): number;
}

export interface ValueState<Value> {
  /** Of the current key; undefined if there is none. */
  get(): Value | undefined;
  set(value: Value): void;
  clear(): void;
  /**
   * Returns the current key's cell, marked dirty and safe to change; its value is undefined if there
   * is none. One look-up, where `get` and `set` are two. The caller sets `value` or mutates it before
   * the next call of anything: the same object stands for other keys then.
   */
  cellForUpdate(): { value: Value | undefined };
}

/**
 * The current key's map. Its keys are keys as those of records: compared by their encoded bytes. Goes
 * over entries in the order in which they came in; behind a restore in another.
 */
export interface MapState<MapKey, Value> {
  get(key: MapKey): Value | undefined;
  has(key: MapKey): boolean;
  set(key: MapKey, value: Value): void;
  delete(key: MapKey): void;
  clear(): void;
  isEmpty(): boolean;
  /** Entries that are set meanwhile may come or not; those deleted do not. */
  entries(): Iterable<readonly [MapKey, Value]>;
}

export interface PaneState<Value> {
  /** Of the current key and the pane. */
  get(pane: number): Value | undefined;
  /**
   * Returns the current key's cell of the pane, marked dirty and safe to change; its value is
   * undefined if it is new. The caller sets `value` or mutates it before the next call of anything.
   */
  cellForUpdate(pane: number): { value: Value | undefined };
  /**
   * Returns a cursor over all values of the panes, which may not change before its end. Panes without
   * values may be among them.
   */
  join(panes: readonly number[]): PaneJoin<Value>;
  /** Calls back for each key that has a value in the pane, in no promised order. */
  forEachKey(pane: number, visit: (key: unknown, hash: number, value: Value) => void): void;
  /** The starts of the panes that have values, ascending. */
  panes(): readonly number[];
  /** Removes all values of the pane by rule: writes no tombstones (restore drops panes before the
   * stored watermark by the same call). */
  dropPane(pane: number): void;
}

/**
 * The values of some panes, so that those of a key come together: by key group, and in a group one
 * pane after the other. Keys of a group are numbered from 0 on, in the order in which they come.
 */
export interface PaneJoin<Value> {
  /** Goes to the next key group with values; false behind the last one. At first there is none. */
  nextGroup(): boolean;
  /** Goes to the group's next value; false behind the last one. */
  next(): boolean;
  /** The value, and the number of its key. */
  readonly value: Value;
  readonly slot: number;
  /** Returns the key of a number that has come in this group. */
  keyAt(slot: number): unknown;
  hashAt(slot: number): number;
}

/** What a timer waits for: the watermark, or the wall clock (Flink's TimeDomain). */
export type TimeDomain = "event-time" | "processing-time";

/** Timers of the current key, and all that are due. A timer is one per (key, time). */
export interface TimerState {
  register(timeMs: number): void;
  remove(timeMs: number): void;
  /** The earliest registered time, or Infinity. */
  nextTimeMs(): number;
  /**
   * Removes and returns one timer at or before the time that was reached, earliest first; undefined
   * if none is due. The caller makes its key current.
   */
  popDue(reachedMs: number): { timeMs: number; key: unknown; hash: number } | undefined;
}

export interface SnapshotCursor {
  /** Encodes cells until done or `shouldPause` says so; true when the snapshot is complete. */
  step(shouldPause: () => boolean): boolean;
  /** Drops the snapshot (its checkpoint was aborted); later deltas still cover its cells. */
  cancel(): void;
}

/**
 * Encoded state of one operator as it goes into a segment; what it covers stands in the header.
 * `keyed`: cells of the key groups [groupStart, groupEnd]. `list`: redistributable entries of
 * non-keyed state (source positions, sink transactions), always a base.
 */
export interface StateBlock {
  readonly operator: string;
  readonly kind: "keyed" | "list";
  /** A base replaces everything before it for its key groups; a delta adds to it. */
  readonly role: "base" | "delta";
  readonly groupStart: number;
  /** Inclusive. */
  readonly groupEnd: number;
  readonly cellCount: number;
  /** Encoded and self-describing, with a format version; not compressed. */
  readonly bytes: Uint8Array;
}

/** Non-keyed state: entries that any subtask may get on restore. */
export type ListEntry = JsonValue;
