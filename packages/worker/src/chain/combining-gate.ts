import { keyHash, type Barrier, type Failpoints, type SubtaskId } from "@millrace/core";
import type { OutputGate } from "@millrace/exchange";
import type { UserFunction } from "@millrace/graph";
import {
  CombinePolicy,
  CombineTable,
  partialTimestampMs,
  placeOf,
  type Combining,
  type CombineOutput,
  type CombineSettings,
  type PartialRecord,
} from "@millrace/operators";

import { locateFailure } from "./chain-failure.ts";

export interface CombiningGateOptions {
  readonly gate: OutputGate;
  readonly selectKey: UserFunction;
  readonly combining: Combining;
  readonly settings: CombineSettings;
  /** Whom the records are combined for: for errors. */
  readonly operatorName: string;
  readonly subtaskId: SubtaskId;
  readonly failpoints: Failpoints;
  /** The gate has no room until it is empty: who emits should pause. */
  readonly onFull: () => void;
  /** Asks for another turn: at once, or after a delay. */
  readonly onWake: () => void;
  readonly wakeAfter: (delayMs: number) => void;
}

/** What a record may take instead of the combining gate: while the pause lasts, counting it down. */
export interface GateShortcut {
  readonly pause: { pauseLeft: number };
  readonly gate: OutputGate;
}

/** Partials that one turn sends at most when the table is emptied. */
const maxSentPerTurn = 4_096;

/**
 * The gate of a hash edge that folds records of one key into one while that saves enough, and is
 * otherwise only asked to measure now and then.
 *
 * I1 What is held leaves before a barrier, a status and the end of input, and before a watermark
 *    that makes it due: the table is empty at every cut, so no snapshot holds anything of it (S8).
 * I2 Until it has left, what came after it waits in order, and the gate has no room: emptying needs
 *    credit like any other sending, and goes on where it stopped.
 * I3 What is held is at most as old as the settings say, by the clock of turns.
 * I4 A record that goes on by itself never overtakes an earlier one of its key and pane.
 */
export class CombiningGate implements OutputGate, CombineOutput {
  /** For whoever emits record by record (`chainSource`). */
  readonly shortcut: GateShortcut;
  readonly #options: CombiningGateOptions;
  readonly #gate: OutputGate;
  readonly #selectKey: UserFunction;
  readonly #combining: Combining;
  readonly #policy: CombinePolicy;
  #table: CombineTable | undefined;
  /** What waits until the table is empty. */
  #waiting: (() => void)[] = [];
  #isEmptying = false;
  #watermarkMs = -Infinity;

  constructor(options: CombiningGateOptions) {
    this.#options = options;
    this.#gate = options.gate;
    this.#selectKey = options.selectKey;
    this.#combining = options.combining;
    this.#policy = new CombinePolicy(options.settings);
    this.shortcut = { pause: this.#policy, gate: options.gate };
  }

  emit(value: unknown, timestampMs: number): void {
    if (this.#policy.pauseLeft > 0) {
      this.#policy.pauseLeft -= 1;
      this.#gate.emit(value, timestampMs);
    } else if (this.#isEmptying) {
      this.#keepWaiting(value, timestampMs);
    } else {
      this.#emitMeasured(value, timestampMs);
    }
  }

  // By itself, as a closure over the arguments of `emit` would allocate them at each call of it.
  #keepWaiting(value: unknown, timestampMs: number): void {
    this.#waiting.push(() => this.#emitMeasured(value, timestampMs));
  }

  emitHashed(value: unknown, timestampMs: number, hash: number): void {
    this.#afterHeld(() => this.#gate.emitHashed(value, timestampMs, hash));
  }

  emitWatermark(watermarkMs: number): void {
    const send = (): void => this.#gate.emitWatermark(watermarkMs);
    this.#watermarkMs = watermarkMs;
    const dueMs = this.#table?.dueMs ?? Infinity;
    if (dueMs <= watermarkMs || this.#isEmptying) this.#afterHeld(send);
    else send();
  }

  emitStatus(isIdle: boolean): void {
    this.#afterHeld(() => this.#gate.emitStatus(isIdle));
  }

  emitBarrier(barrier: Barrier): void {
    const isForgetting = this.#options.failpoints.isActive("combiner-not-flushed-at-barrier");
    if (isForgetting) this.#gate.emitBarrier(barrier);
    else this.#afterHeld(() => this.#gate.emitBarrier(barrier));
  }

  emitEndOfInput(): void {
    this.#afterHeld(() => this.#gate.emitEndOfInput());
  }

  finish(): void {
    this.#afterHeld(() => this.#gate.finish());
  }

  hasRoom(): boolean {
    return !this.#isEmptying && this.#gate.hasRoom();
  }

  flush(nowMs: number, isIdle: boolean): void {
    if (this.#isEmptying) this.#goOn();
    else this.#measure(nowMs);
    this.#gate.flush(nowMs, isIdle);
  }

  /** Takes what leaves the table. */
  emitPartial(partial: PartialRecord, hash: number): void {
    this.#policy.countSent();
    this.#gate.emitHashed(partial, partialTimestampMs, hash);
  }

  /** Takes a record that was folded with no other. */
  emitSingle(record: unknown, timestampMs: number, hash: number): void {
    this.#policy.countSent();
    this.#gate.emitHashed(record, timestampMs, hash);
  }

  /** Folds the record in, or sends it on by itself while that is only watched. */
  #emitMeasured(value: unknown, timestampMs: number): void {
    const key: unknown = this.#selectKey(value);
    const hash = keyHash(key);
    const policy = this.#policy;
    const { panes } = this.#combining;
    panes.moveTo(timestampMs);
    // NaN is not above: without event time nothing is held. An object may be changed meanwhile.
    const isHeldBack = panes.sendsDueAlone && !(panes.dueMs > this.#watermarkMs);
    if (isHeldBack || typeof key === "object") {
      this.#gate.emitHashed(value, timestampMs, hash);
    } else if (policy.isCombining) {
      policy.countRecord();
      this.#fold(value, timestampMs, key, hash);
    } else {
      policy.watch(hash, placeOf(hash, panes.pane));
      this.#gate.emitHashed(value, timestampMs, hash);
    }
  }

  #fold(value: unknown, timestampMs: number, key: unknown, hash: number): void {
    this.#table ??= new CombineTable({
      combining: this.#combining,
      entryCount: this.#options.settings.entryCount,
      output: this,
    });
    try {
      this.#table.add(value, timestampMs, key, hash);
    } catch (error) {
      throw this.#locate(error);
    }
  }

  /** Ends the measurement when it is over, and what is held with it. */
  #measure(nowMs: number): void {
    const policy = this.#policy;
    const remainingMs = policy.remainingMs(nowMs);
    if (remainingMs === 0) this.#afterHeld(() => policy.decide());
    else if (policy.isCombining && remainingMs < Infinity) this.#options.wakeAfter(remainingMs);
  }

  /** Does it once everything that is held has left: at once, if there is room. */
  #afterHeld(action: () => void): void {
    this.#waiting.push(action);
    if (!this.#isEmptying) this.#empty();
  }

  /** Goes on emptying; the task that had no room meanwhile gets a turn. */
  #goOn(): void {
    this.#empty();
    if (!this.#isEmptying) this.#options.onWake();
  }

  #empty(): void {
    this.#isEmptying = true;
    const budget = { left: maxSentPerTurn };
    while (this.#emptyTable(budget)) {
      const action = this.#waiting.shift();
      if (action === undefined) {
        this.#isEmptying = false;
        return;
      }
      action();
    }
    this.#options.onFull();
  }

  /** Sends what the table holds; false while it has more. */
  #emptyTable(budget: { left: number }): boolean {
    const table = this.#table;
    if (table === undefined) return true;
    while (table.size > 0) {
      // Room that comes back wakes the task by itself.
      if (!this.#gate.hasRoom()) return false;
      if (budget.left === 0) {
        this.#options.onWake();
        return false;
      }
      budget.left -= 1;
      try {
        table.sendOne();
      } catch (error) {
        throw this.#locate(error);
      }
    }
    return true;
  }

  #locate(error: unknown): Error {
    const { operatorName: operator, subtaskId } = this.#options;
    const role = "the combining function of";
    return locateFailure(error, { subtaskId, operator, role, position: {} });
  }
}
