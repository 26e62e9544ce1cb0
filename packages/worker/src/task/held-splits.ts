import type { SplitRecord } from "@millrace/checkpoint";
import { maxWatermark } from "@millrace/core";
import type { SourceSpec } from "@millrace/graph";

import { GeneratedWatermark } from "./generated-watermark.ts";
import { HeldSplit } from "./held-split.ts";
import type { SourceEntry } from "./source-entry.ts";
import { SplitWatermark } from "./split-watermark.ts";

export interface HeldSplitsOptions {
  readonly operatorName: string;
  readonly spec: Pick<SourceSpec, "watermarks">;
  /** Those of the restored checkpoint. */
  readonly restored: readonly SourceEntry[];
}

/**
 * The splits that a source's subtask has, in the order in which they are read next.
 *
 * I1 A split is among them from its assignment until it is dropped, whatever its place (S9).
 */
export class HeldSplits {
  readonly #options: HeldSplitsOptions;
  #splits: readonly HeldSplit[];

  constructor(options: HeldSplitsOptions) {
    this.#options = options;
    this.#splits = options.restored.map((entry) => this.#hold(entry));
  }

  get all(): readonly HeldSplit[] {
    return this.#splits;
  }

  get count(): number {
    return this.#splits.length;
  }

  /** The split to read now. */
  get first(): HeldSplit | undefined {
    return this.#splits[0];
  }

  /** Adds the split behind the others. */
  add(split: SplitRecord): void {
    this.#splits = [...this.#splits, this.#hold({ split })];
  }

  /** The first split goes behind the others. */
  rotate(): void {
    const [first] = this.#splits;
    // Most subtasks have one split: nothing is made for each of its batches.
    if (first === undefined || this.#splits.length === 1) return;
    this.#splits = [...this.#splits.slice(1), first];
  }

  /** The first split is read. */
  dropFirst(): void {
    this.#splits = this.#splits.slice(1);
  }

  /** Returns the minimum of their watermarks; Infinity without any. */
  lowestWatermarkMs(): number {
    let lowestMs: number = maxWatermark;
    for (const { watermark } of this.#splits) lowestMs = Math.min(lowestMs, watermark.watermarkMs);
    return lowestMs;
  }

  /** Returns whether the watermark of one of them is above the limit. */
  isAnyAhead(limitMs: number): boolean {
    return this.#splits.some(({ watermark }) => watermark.watermarkMs > limitMs);
  }

  /** Returns where each stands, in words. */
  describePositions(): string {
    return this.#splits.map((split) => split.describePosition()).join(", ");
  }

  #hold({ split, position, watermarkMs }: SourceEntry): HeldSplit {
    const { operatorName, spec } = this.#options;
    const { generator, outOfOrdernessMs = 0 } = spec.watermarks ?? {};
    const start = { split, watermarkMs };
    const watermark =
      generator === undefined
        ? new SplitWatermark(outOfOrdernessMs, start)
        : new GeneratedWatermark(generator(), operatorName, start);
    return new HeldSplit(split, { watermark, position });
  }
}
