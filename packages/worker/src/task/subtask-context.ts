import {
  minWatermark,
  type Barrier,
  type Clock,
  type JsonValue,
  type SubtaskId,
  type VertexId,
} from "@millrace/core";
import type { OutputGate } from "@millrace/exchange";
import type { Operator } from "@millrace/operators";
import type { SubtaskMetrics } from "@millrace/rpc";

import type { OperatorChain } from "../chain/operator-chain.ts";
import { CompletionQueue } from "./completion-queue.ts";
import type { ProcessingTime } from "./processing-time.ts";
import { SubtaskSnapshots } from "./subtask-snapshots.ts";
import type { Mailbox } from "./task.ts";

/** Sinks are flushed from so many bytes on, and whenever their task has nothing else to do. */
const flushThresholdBytes = 256 * 1024;
/** The wall clock may jump: it is looked at again after so long at the latest. */
const longestWaitMs = 1_000;

export interface SubtaskContextOptions {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly chain: OperatorChain;
  readonly gates: readonly OutputGate[];
  readonly clock: Clock;
  /** CPU time of this thread. */
  readonly readCpuMs: () => number;
  readonly processingTime: ProcessingTime;
  readonly mailbox: Mailbox;
}

/**
 * What source and operator tasks have in common: the chain, the outputs, snapshots and completions.
 *
 * I1 The barrier leaves on all outputs right after the cuts, and after the watermark that was fired
 *    before it.
 * I2 The outputs get the watermark that was fired last, once (S12).
 * I3 What has begun to fire by processing time fires to its end before a record, a watermark or a
 *    barrier is read.
 */
export class SubtaskContext {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly chain: OperatorChain;
  readonly clock: Clock;
  readonly mailbox: Mailbox;
  readonly snapshots: SubtaskSnapshots;
  readonly completions: CompletionQueue;
  readonly #processingTime: ProcessingTime;
  readonly #gates: readonly OutputGate[];
  readonly #flushing = new Set<Operator>();
  #emittedMs: number = minWatermark;
  /** The processing time that is being fired. */
  #firingProcessingMs: number | undefined;

  constructor(options: SubtaskContextOptions) {
    const { subtaskId, chain, clock, mailbox, parallelism, readCpuMs } = options;
    this.subtaskId = subtaskId;
    this.vertexId = options.vertexId;
    this.subtaskIndex = options.subtaskIndex;
    this.parallelism = parallelism;
    this.chain = chain;
    this.clock = clock;
    this.mailbox = mailbox;
    this.#processingTime = options.processingTime;
    this.#gates = options.gates;
    const parts = chain.snapshotParts();
    this.snapshots = new SubtaskSnapshots({
      subtaskId,
      parallelism,
      parts,
      clock,
      readCpuMs,
      mailbox,
    });
    this.completions = new CompletionQueue(subtaskId, { operators: chain.operators(), mailbox });
  }

  /** Cuts the subtask's state at the barrier and sends the barrier on. */
  cut(cut: {
    readonly barrier: Barrier;
    readonly isDrained: boolean;
    readonly alignmentMs: number;
    readonly lists: readonly {
      readonly operator: string;
      readonly entries: readonly JsonValue[];
    }[];
  }): void {
    this.snapshots.begin({ ...cut, watermarkMs: this.chain.watermarkMs });
    for (const gate of this.#gates) gate.emitBarrier(cut.barrier);
  }

  /** Fires the watermark in the chain; true when all is fired, else the same is called again. */
  fireWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    try {
      return this.chain.advanceWatermark(watermarkMs, shouldPause);
    } catch (error) {
      throw this.chain.locate(error, { position: `watermark ${watermarkMs}` });
    }
  }

  /** The clock is read anew where an operator asks for the turn's time. */
  beginTurn(): void {
    this.#processingTime.beginTurn();
  }

  /**
   * Fires what is due by processing time, if anything is; true when all is fired, else the same is
   * called again. Reads the clock only where an operator waits for it.
   */
  fireProcessingTime(shouldPause: () => boolean): boolean {
    const { chain } = this;
    const nextMs = this.#firingProcessingMs ?? chain.nextProcessingTimeMs();
    if (nextMs === Infinity) return true;
    const nowMs = this.#firingProcessingMs ?? this.#processingTime.nowMs();
    if (nextMs > nowMs) return true;
    try {
      const isFired = chain.advanceProcessingTime(nowMs, shouldPause);
      this.#firingProcessingMs = isFired ? undefined : nowMs;
      return isFired;
    } catch (error) {
      throw chain.locate(error, { position: `processing time ${nowMs}` });
    }
  }

  /** Has the slot woken for what is next due by processing time; for a task that has nothing to do. */
  awaitProcessingTime(): void {
    const nextMs = this.chain.nextProcessingTimeMs();
    if (nextMs === Infinity) return;
    const waitMs = Math.max(0, nextMs - this.#processingTime.nowMs());
    this.mailbox.wakeAfter(Math.min(waitMs, longestWaitMs));
  }

  /** Sends the chain's watermark to the outputs, if they have another. */
  emitWatermark(): void {
    const { watermarkMs } = this.chain;
    if (watermarkMs === this.#emittedMs) return;
    this.#emittedMs = watermarkMs;
    for (const gate of this.#gates) gate.emitWatermark(watermarkMs);
  }

  emitStatus(isIdle: boolean): void {
    for (const gate of this.#gates) gate.emitStatus(isIdle);
  }

  /** Calls back when all operators have done what they do behind their last record; often at once. */
  finish(onFinished: () => void): void {
    const finished = this.chain.hooks.finish();
    if (finished === undefined) {
      onFinished();
      return;
    }
    this.mailbox.join(finished, {
      onValue: onFinished,
      onFailure: (error) => this.mailbox.fail(this.subtaskId, error),
    });
  }

  emitEndOfInput(): void {
    for (const gate of this.#gates) gate.emitEndOfInput();
  }

  /** Sends what is due of the outputs; hands what sinks hold back to their targets. */
  flush(nowMs: number, isIdle: boolean): void {
    for (const gate of this.#gates) gate.flush(nowMs, isIdle);
    const thresholdBytes = isIdle ? 1 : flushThresholdBytes;
    for (const operator of this.chain.buffering()) {
      const isDue = (operator.bufferedBytes?.() ?? 0) >= thresholdBytes;
      if (isDue && !this.#flushing.has(operator)) this.#flushSink(operator);
    }
  }

  readMetrics(watermarkMs: number): Omit<SubtaskMetrics, "busyMs" | "idleMs" | "backpressuredMs"> {
    const { recordsIn, recordsOut, recordsLate } = this.chain.cursor;
    return {
      subtaskId: this.subtaskId,
      recordsIn,
      recordsOut,
      recordsLate,
      watermarkMs,
      stateCells: this.chain.cellCount(),
    };
  }

  #flushSink(operator: Operator): void {
    const flushed = operator.flush?.();
    if (flushed === undefined) return;
    this.#flushing.add(operator);
    this.mailbox.join(flushed, {
      onValue: () => {
        this.#flushing.delete(operator);
        this.mailbox.wake();
      },
      onFailure: (error) => this.mailbox.fail(this.subtaskId, error),
    });
  }
}
