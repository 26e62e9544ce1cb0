/**
 * Measures restarts: from the detection of what ended an attempt to the first subtask that runs
 * again, however many attempts it takes.
 */
import type { CheckpointId, Clock, SubtaskId } from "@millrace/core";
import type { RecoverySummary, SubtaskState } from "@millrace/rpc";

const keptRecoveries = 100;

export class RecoveryTracker {
  readonly #clock: Clock;
  #open: { readonly cause: string; readonly atMs: number; readonly sinceMs: number } | undefined;
  #restoredBytes = 0;
  #positions = new Map<SubtaskId, string>();
  #recoveries: readonly RecoverySummary[] = [];
  #count = 0;
  #durationMsTotal = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt has ended and another will follow; the first cause counts. */
  detect(cause: string): void {
    this.#open ??= {
      cause,
      atMs: this.#clock.wallMs(),
      sinceMs: this.#clock.monotonicMs(),
    };
  }

  /** What lay behind the first cause, if nothing runs again yet and the cause was a symptom. */
  blame(cause: string): void {
    if (this.#open?.cause.startsWith("channel-broken") === true)
      this.#open = { ...this.#open, cause };
  }

  /** A new attempt restores from nothing yet. */
  beginAttempt(): void {
    this.#restoredBytes = 0;
    this.#positions = new Map();
  }

  ready(subtaskId: SubtaskId, state: Extract<SubtaskState, { kind: "ready" }>): void {
    this.#restoredBytes += state.restoredBytes;
    if (state.sourcePositions !== undefined && state.sourcePositions !== "") {
      this.#positions.set(subtaskId, state.sourcePositions);
    }
  }

  /** The first subtask runs; returns the recovery that this completes, if there was one. */
  running(attempt: number, checkpointId: CheckpointId | undefined): RecoverySummary | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    this.#open = undefined;
    const summary: RecoverySummary = {
      attempt,
      atMs: open.atMs,
      durationMs: Math.round(this.#clock.monotonicMs() - open.sinceMs),
      cause: open.cause,
      ...(checkpointId === undefined ? {} : { checkpointId }),
      restoredBytes: this.#restoredBytes,
      sourcePositions: [...this.#positions].map(([id, text]) => `${id}: ${text}`).join("; "),
    };
    this.#count += 1;
    this.#durationMsTotal += summary.durationMs;
    this.#recoveries = [...this.#recoveries, summary].slice(-keptRecoveries);
    return summary;
  }

  recoveries(): readonly RecoverySummary[] {
    return this.#recoveries;
  }

  totals(): { readonly count: number; readonly durationMsTotal: number; readonly lastMs: number } {
    const lastMs = this.#recoveries.at(-1)?.durationMs ?? 0;
    return { count: this.#count, durationMsTotal: this.#durationMsTotal, lastMs };
  }
}
