import {
  ByteReader,
  keyHash,
  parseCheckpointId,
  readKey,
  ValueReader,
  type CheckpointId,
} from "@millrace/core";

import { entryKinds, readBlockHead, readSections } from "../block-format.ts";
import type { KeyedBackend, SnapshotCursor, StateBlock } from "../contract.ts";
import { createHeapBackend } from "../heap-backend.ts";
import { readNumberRun } from "../read-number-run.ts";
import { updated, valueAt, valueKeys, type Operation, type Write } from "./value-operations.ts";

/** Backends that go through drawn operations. */

export function createBackend(usesNumberTables: boolean, maxParallelism = 4): KeyedBackend {
  const groups = { start: 0, end: maxParallelism - 1 };
  return createHeapBackend({ operatorName: "sum", groups, maxParallelism, usesNumberTables });
}

export function restoreBackend(
  blocks: readonly StateBlock[],
  head: CheckpointId,
  usesNumberTables: boolean,
): KeyedBackend {
  const backend = createBackend(usesNumberTables);
  for (const block of blocks) backend.restoreBlock(block);
  backend.finishRestore(head);
  return backend;
}

/** Makes a key current. */
export function use(backend: KeyedBackend, key: unknown): KeyedBackend {
  backend.setCurrentKey(key, keyHash(key));
  return backend;
}

/** Returns the value of each of `valueKeys`. */
export function contents(backend: KeyedBackend): readonly unknown[] {
  return valueKeys.map((each) => use(backend, each).valueState("value").get());
}

export function beginCut(
  backend: KeyedBackend,
  checkpointId: CheckpointId,
  base?: CheckpointId,
): { readonly cursor: SnapshotCursor; readonly blocks: StateBlock[] } {
  const blocks: StateBlock[] = [];
  const barrier =
    base === undefined
      ? ({ checkpointId, mode: "full" } as const)
      : ({ checkpointId, mode: "delta", base } as const);
  return { cursor: backend.beginSnapshot(barrier, (block) => blocks.push(block)), blocks };
}

interface BlockEntry {
  readonly state: string | undefined;
  readonly key: unknown;
  readonly hash: number;
  /** undefined: a tombstone. */
  readonly value: unknown;
}

export interface BlockSection {
  readonly group: number;
  readonly sizeBytes: number;
  /** In the order of the block. */
  readonly entries: readonly BlockEntry[];
}

export function sectionsOf(block: StateBlock): readonly BlockSection[] {
  const input = new ByteReader(block.bytes);
  const { states } = readBlockHead(input);
  return [...readSections(input)].map(({ group, bytes }) => {
    const section = new ByteReader(bytes);
    const sectionValues = new ValueReader(section);
    const entries: BlockEntry[] = [];
    while (section.remaining > 0) {
      const start = section.varint();
      const state = states[start >>> 2]?.name;
      if ((start & 3) === entryKinds.run) {
        readNumberRun(section, (key, value) => {
          entries.push({ state, key, hash: keyHash(key) >>> 0, value });
        });
        continue;
      }
      const hash = section.u32();
      const key = readKey(section);
      const value = (start & 3) === entryKinds.cell ? sectionValues.read() : undefined;
      entries.push({ state, key, hash, value });
    }
    return { group, sizeBytes: bytes.length, entries };
  });
}

/** A snapshot that was run to its end. */
export interface TakenSnapshot {
  readonly number: number;
  readonly checkpointId: CheckpointId;
  readonly blocks: readonly StateBlock[];
  /** What a restore of it takes; undefined if it was aborted. */
  readonly chain: readonly StateBlock[] | undefined;
}

interface RunningSnapshot {
  readonly number: number;
  readonly cursor: SnapshotCursor;
  readonly blocks: readonly StateBlock[];
  readonly before: readonly StateBlock[];
  readonly isAborted: boolean;
}

/** One backend with its snapshots; committed in order, as far as they are not aborted. */
export class ValueRun {
  live: KeyedBackend;
  chain: readonly StateBlock[] = [];
  head: CheckpointId | undefined;
  readonly taken: TakenSnapshot[] = [];
  #usesNumberTables: boolean;
  #running: RunningSnapshot[] = [];
  #lastNumber = 0;

  constructor(usesNumberTables: boolean) {
    this.#usesNumberTables = usesNumberTables;
    this.live = createBackend(usesNumberTables);
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case "barrier":
        this.#barrier(operation.isFull, operation.isAborted);
        return;
      case "step":
        this.#step(operation.checks, operation.isToEnd);
        return;
      case "cancel":
        this.#running.shift()?.cursor.cancel();
        return;
      case "restart":
        this.#restart(operation.isOfOtherKind);
        return;
      case "set":
      case "update":
      case "clear":
        this.#write(operation);
    }
  }

  finish(): void {
    while (this.#running.length > 0) this.#step(0, true);
  }

  /** At most two run at a time. */
  makeRoom(): void {
    if (this.#running.length > 1) this.finish();
  }

  #write(operation: Write): void {
    const state = use(this.live, valueKeys[operation.key]).valueState("value");
    if (operation.kind === "set") state.set(valueAt(operation.value));
    else if (operation.kind === "clear") state.clear();
    else {
      const cell = state.cellForUpdate();
      cell.value = updated(cell.value);
    }
  }

  #barrier(isFull: boolean, isAborted: boolean): void {
    this.makeRoom();
    this.#lastNumber += 1;
    const checkpointId = parseCheckpointId(BigInt(this.#lastNumber));
    const { head } = this;
    const before = isFull || head === undefined ? [] : this.chain;
    const cut = beginCut(this.live, checkpointId, isFull ? undefined : head);
    this.#running.push({ ...cut, number: this.#lastNumber, before, isAborted });
  }

  /** Counts as done only where it was stepped to the end: so all runs have the same heads. */
  #step(checks: number, isToEnd: boolean): void {
    const [running] = this.#running;
    if (running === undefined) return;
    let left = checks;
    running.cursor.step(() => {
      left -= 1;
      return left < 0 && !isToEnd;
    });
    if (!isToEnd) return;
    this.#running.shift();
    const { number, blocks, before, isAborted } = running;
    const chain = isAborted ? undefined : [...before, ...blocks];
    const checkpointId = parseCheckpointId(BigInt(number));
    this.taken.push({ number, checkpointId, blocks, chain });
    if (chain === undefined) return;
    this.chain = chain;
    this.head = checkpointId;
  }

  #restart(isOfOtherKind: boolean): void {
    if (isOfOtherKind) this.#usesNumberTables = !this.#usesNumberTables;
    this.#running = [];
    this.live =
      this.head === undefined
        ? createBackend(this.#usesNumberTables)
        : restoreBackend(this.chain, this.head, this.#usesNumberTables);
  }
}
