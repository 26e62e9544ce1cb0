import type { Operator } from "../operator.ts";
import { setKey, type BackendUnderTest } from "../test-backends.ts";
import { createTestContext, type Recorded } from "../test-context.ts";

interface Times {
  watermarkMs: number;
  seenWatermarkMs: number;
  nowMs: number;
}

/** An operator with the task's part of the contract: keys, watermarks, the clock, restores. */
export class WindowDriver {
  readonly recorded: Recorded;
  readonly #create: () => Operator;
  readonly #backend: BackendUnderTest;
  readonly #operator: Operator;
  readonly #times: Times;

  constructor(
    create: () => Operator,
    backend: BackendUnderTest,
    times: Times = { watermarkMs: -Infinity, seenWatermarkMs: -Infinity, nowMs: 0 },
  ) {
    this.#create = create;
    this.#backend = backend;
    this.#times = times;
    this.#operator = create();
    const { context, recorded } = createTestContext({
      keyed: backend.keyed,
      watermarkMs: () => this.#times.watermarkMs,
      seenWatermarkMs: () => this.#times.seenWatermarkMs,
      processingTimeMs: () => this.#times.nowMs,
    });
    this.recorded = recorded;
    this.#operator.open(context);
  }

  get cellCount(): number {
    return this.#backend.keyed.cellCount();
  }

  push(key: unknown, record: unknown, timestampMs: number = -Infinity): void {
    setKey(this.#backend.keyed, key);
    this.#operator.onRecord(record, timestampMs);
  }

  advance(watermarkMs: number, shouldPause: () => boolean = () => false): void {
    this.#times.seenWatermarkMs = Math.max(watermarkMs, this.#times.seenWatermarkMs);
    while (this.#operator.advanceWatermark?.(watermarkMs, shouldPause) === false);
    this.#times.watermarkMs = Math.max(watermarkMs, this.#times.watermarkMs);
  }

  /** Lets the clock go on, as a task that is not asked for anything else. */
  advanceClock(nowMs: number, shouldPause: () => boolean = () => false): void {
    this.#times.nowMs = nowMs;
    if ((this.#operator.nextProcessingTimeMs?.() ?? Infinity) > nowMs) return;
    while (this.#operator.advanceProcessingTime?.(nowMs, shouldPause) === false);
  }

  /** Returns what goes on from a snapshot taken now. */
  restore(): WindowDriver {
    return new WindowDriver(this.#create, this.#backend.restore(), { ...this.#times });
  }

  /** Results as text, in an order of their own. */
  sorted(): readonly string[] {
    return this.results().map(String).toSorted();
  }

  results(): readonly unknown[] {
    return this.recorded.emitted.map(({ value }) => value);
  }

  side(tag: string): readonly unknown[] {
    return this.recorded.side.get(tag) ?? [];
  }
}
