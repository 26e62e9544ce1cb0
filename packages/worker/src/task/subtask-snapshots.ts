import {
  StreamError,
  toFailureData,
  type Barrier,
  type CheckpointId,
  type Clock,
  type JsonValue,
  type SubtaskId,
} from "@millrace/core";
import type { Operator } from "@millrace/operators";
import {
  encodeListBlock,
  type KeyedBackend,
  type SnapshotCursor,
  type StateBlock,
} from "@millrace/state";

import { locateFailure } from "../chain/chain-failure.ts";
import { SliceHistogram } from "../checkpoint/slice-times.ts";
import type { Mailbox } from "./task.ts";

/** What of an operator goes into a snapshot. */
export interface SnapshotPart {
  readonly name: string;
  readonly keyed: KeyedBackend | undefined;
  readonly operator: Pick<Operator, "prepareSnapshot"> | undefined;
}

export interface SnapshotCut {
  readonly barrier: Barrier;
  readonly watermarkMs: number;
  readonly isDrained: boolean;
  readonly alignmentMs: number;
  /** Entries that the task itself stores, such as a source's positions. */
  readonly lists: readonly { readonly operator: string; readonly entries: readonly JsonValue[] }[];
}

interface Running {
  readonly cut: SnapshotCut;
  readonly startedMs: number;
  /** How long the slot was held by it at a time. */
  readonly slices: SliceHistogram;
  readonly sliceCpu: SliceHistogram;
  readonly cursors: SnapshotCursor[];
  pendingLists: number;
}

/**
 * The snapshots of one subtask, from the cut at the barrier to `snapshot-done`. Not concerned with
 * where blocks are stored.
 *
 * I1 `begin` makes every cut before it returns: the caller may emit the barrier and process the next
 *    record at once (S8).
 * I2 Cursors are stepped one at a time, in the order of their barriers.
 * I3 State that cannot be encoded fails the checkpoint; a sink that cannot prepare fails the task,
 *    as what it had sealed comes again only from the sources.
 */
export class SubtaskSnapshots {
  readonly #subtaskId: SubtaskId;
  readonly #parallelism: number;
  readonly #parts: readonly SnapshotPart[];
  readonly #clock: Clock;
  readonly #readCpuMs: () => number;
  readonly #mailbox: Mailbox;
  #running: readonly Running[] = [];

  constructor(options: {
    readonly subtaskId: SubtaskId;
    readonly parallelism: number;
    readonly parts: readonly SnapshotPart[];
    readonly clock: Clock;
    readonly readCpuMs: () => number;
    readonly mailbox: Mailbox;
  }) {
    this.#subtaskId = options.subtaskId;
    this.#parallelism = options.parallelism;
    this.#parts = options.parts;
    this.#clock = options.clock;
    this.#readCpuMs = options.readCpuMs;
    this.#mailbox = options.mailbox;
  }

  /** Cuts all state at the barrier. Only a sink's own failure to cut is thrown. */
  begin(cut: SnapshotCut): void {
    const startedCpuMs = this.#readCpuMs();
    const running: Running = {
      cut,
      startedMs: this.#clock.monotonicMs(),
      slices: new SliceHistogram(),
      sliceCpu: new SliceHistogram(),
      cursors: [],
      pendingLists: 0,
    };
    this.#running = [...this.#running, running];
    for (const { operator, entries } of cut.lists) this.#emitList(running, operator, entries);
    for (const part of this.#parts) this.#prepareList(running, part);
    try {
      for (const { keyed } of this.#parts) {
        if (keyed === undefined) continue;
        running.cursors.push(
          keyed.beginSnapshot(cut.barrier, (block) => this.#emit(running, block)),
        );
      }
    } catch (error) {
      this.#failCheckpoint(running, error);
    }
    this.#noteSlice(running, running.startedMs, startedCpuMs);
    this.#finishIfComplete(running);
  }

  /** Gives the checkpoint's snapshot up, if it runs. */
  abort(checkpointId: CheckpointId): void {
    for (const running of this.#running) {
      if (running.cut.barrier.checkpointId === checkpointId) this.#drop(running);
    }
  }

  /** Encodes a slice; true when nothing is left to encode. */
  step(shouldPause: () => boolean): boolean {
    const running = this.#running.find(({ cursors }) => cursors.length > 0);
    const [cursor] = running?.cursors ?? [];
    if (running === undefined || cursor === undefined) return true;
    const startedMs = this.#clock.monotonicMs();
    const startedCpuMs = this.#readCpuMs();
    try {
      const isEncoded = cursor.step(shouldPause);
      this.#noteSlice(running, startedMs, startedCpuMs);
      if (!isEncoded) return false;
      running.cursors.shift();
    } catch (error) {
      this.#failCheckpoint(running, error);
    }
    this.#finishIfComplete(running);
    return this.#running.every(({ cursors }) => cursors.length === 0);
  }

  #noteSlice({ slices, sliceCpu }: Running, startedMs: number, startedCpuMs: number): void {
    slices.note(this.#clock.monotonicMs() - startedMs);
    sliceCpu.note(this.#readCpuMs() - startedCpuMs);
  }

  #prepareList(running: Running, { name, operator }: SnapshotPart): void {
    const prepared = operator?.prepareSnapshot?.(running.cut.barrier);
    if (prepared === undefined) return;
    running.pendingLists += 1;
    this.#mailbox.join(prepared, {
      onValue: (entries) => {
        running.pendingLists -= 1;
        this.#emitList(running, name, entries);
        this.#finishIfComplete(running);
      },
      onFailure: (error) => {
        const place = { subtaskId: this.#subtaskId, operator: name, role: "", position: {} };
        this.#mailbox.fail(this.#subtaskId, locateFailure(error, place));
      },
    });
  }

  #emitList(running: Running, operator: string, entries: readonly JsonValue[]): void {
    this.#emit(running, encodeListBlock(operator, entries));
  }

  #emit(running: Running, block: StateBlock): void {
    if (!this.#running.includes(running)) return;
    this.#mailbox.send({
      kind: "snapshot-block",
      subtaskId: this.#subtaskId,
      checkpointId: running.cut.barrier.checkpointId,
      block,
    });
  }

  #finishIfComplete(running: Running): void {
    const isComplete = running.cursors.length === 0 && running.pendingLists === 0;
    if (!isComplete || !this.#running.includes(running)) return;
    this.#running = this.#running.filter((other) => other !== running);
    const { barrier, watermarkMs, isDrained, alignmentMs } = running.cut;
    this.#mailbox.send({
      kind: "snapshot-done",
      subtaskId: this.#subtaskId,
      checkpointId: barrier.checkpointId,
      parallelism: this.#parallelism,
      watermarkMs,
      isDrained,
      alignmentMs,
      snapshotMs: this.#clock.monotonicMs() - running.startedMs,
      slices: running.slices.read(),
      sliceCpu: running.sliceCpu.read(),
    });
  }

  #failCheckpoint(running: Running, error: unknown): void {
    this.#drop(running);
    // The state stays as it is: every later checkpoint would fail as well, and the job never end.
    if (StreamError.is(error, "state-not-encodable")) {
      this.#mailbox.fail(this.#subtaskId, error);
      return;
    }
    this.#mailbox.send({
      kind: "snapshot-failed",
      subtaskId: this.#subtaskId,
      checkpointId: running.cut.barrier.checkpointId,
      failure: toFailureData(error),
    });
  }

  #drop(running: Running): void {
    this.#running = this.#running.filter((other) => other !== running);
    for (const cursor of running.cursors.splice(0)) cursor.cancel();
  }
}
