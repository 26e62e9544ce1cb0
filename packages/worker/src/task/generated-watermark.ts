import { StreamError } from "@millrace/core";
import type { WatermarkFunctions } from "@millrace/graph";

import { SplitWatermark, type SplitStart } from "./split-watermark.ts";

/** The watermark of one split by its author's own generator; what it returns never makes it fall. */
export class GeneratedWatermark extends SplitWatermark {
  readonly #functions: WatermarkFunctions;
  readonly #operatorName: string;

  constructor(functions: WatermarkFunctions, operatorName: string, start: SplitStart) {
    super(0, start);
    this.#functions = functions;
    this.#operatorName = operatorName;
  }

  /** The generator sees each record, not the greatest of some. */
  override observe(_greatestMs: number): void {}

  override stampWith(stampOf: (record: unknown) => number): (record: unknown) => number {
    const { onRecord } = this.#functions;
    if (onRecord === undefined) return stampOf;
    return (record) => {
      const timestampMs = stampOf(record);
      this.#take(onRecord(record, timestampMs));
      return timestampMs;
    };
  }

  override onPeriodic(nowMs: number): void {
    this.#take(this.#functions.onPeriodic?.(nowMs));
  }

  #take(watermarkMs: number | undefined): void {
    if (watermarkMs === undefined) return;
    if (Number.isFinite(watermarkMs)) {
      this.raiseTo(watermarkMs);
      return;
    }
    throw new StreamError(
      "user-function-failed",
      `the watermark generator of source ${this.#operatorName} returned ${String(watermarkMs)}; ` +
        "it must return milliseconds since the epoch as a finite number, or undefined",
      { domain: "user", retry: "never" },
    );
  }
}
