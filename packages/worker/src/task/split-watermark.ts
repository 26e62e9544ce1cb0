import type { SplitRecord } from "@millrace/checkpoint";
import { minWatermark } from "@millrace/core";

/** What a split's watermark begins with. */
export interface SplitStart {
  readonly split: SplitRecord;
  /** Of the restored checkpoint. */
  readonly watermarkMs?: number | undefined;
}

/**
 * The watermark of one split under bounded out-of-orderness: no record at or before it follows
 * (Flink's BoundedOutOfOrdernessWatermarks: greatest timestamp - bound - 1). Never falls (S12).
 */
export class SplitWatermark {
  readonly #outOfOrdernessMs: number;
  #watermarkMs: number;

  constructor(outOfOrdernessMs: number, start: SplitStart) {
    this.#outOfOrdernessMs = outOfOrdernessMs;
    this.#watermarkMs = Math.max(
      start.watermarkMs ?? minWatermark,
      lowerBoundWatermark(start.split.lowerBoundMs),
    );
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Takes in the greatest timestamp of some records. */
  observe(greatestMs: number): void {
    this.raiseTo(greatestMs - this.#outOfOrdernessMs - 1);
  }

  /** Returns what stamps the split's records, for as many as are run at a time. */
  stampWith(stampOf: (record: unknown) => number): (record: unknown) => number {
    return stampOf;
  }

  /** Some time has passed. */
  onPeriodic(_nowMs: number): void {}

  protected raiseTo(watermarkMs: number): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs);
  }
}

/** Returns the watermark that a lower bound of event times allows; -Infinity without one. */
export function lowerBoundWatermark(lowerBoundMs: number | undefined): number {
  return (lowerBoundMs ?? minWatermark) - 1;
}
