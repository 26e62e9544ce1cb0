import type { SplitRecord } from "@millrace/checkpoint";
import { minWatermark } from "@millrace/core";

/**
 * The watermark of one split under bounded out-of-orderness: no record at or before it follows
 * (Flink's BoundedOutOfOrdernessWatermarks: greatest timestamp - bound - 1). Never falls (S12).
 */
export class SplitWatermark {
  readonly #outOfOrdernessMs: number;
  #watermarkMs: number;

  constructor(
    outOfOrdernessMs: number,
    start: { readonly split: SplitRecord; readonly watermarkMs?: number | undefined },
  ) {
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
    this.#watermarkMs = Math.max(this.#watermarkMs, greatestMs - this.#outOfOrdernessMs - 1);
  }
}

/** Returns the watermark that a lower bound of event times allows; -Infinity without one. */
export function lowerBoundWatermark(lowerBoundMs: number | undefined): number {
  return (lowerBoundMs ?? minWatermark) - 1;
}
