import type { Clock } from "@millrace/core";

import type { HeldSplit } from "./held-split.ts";
import type { Mailbox } from "./task.ts";

/** Of authors' watermark generators (Flink's default of pipeline.auto-watermark-interval). */
const periodMs = 200;

/** Calls the watermark generators of splits once a period, also while no records come. */
export class WatermarkPeriods {
  readonly #clock: Clock;
  readonly #mailbox: Pick<Mailbox, "wakeAfter">;
  #nextAtMs = -Infinity;

  constructor(clock: Clock, mailbox: Pick<Mailbox, "wakeAfter">) {
    this.#clock = clock;
    this.#mailbox = mailbox;
  }

  tick(splits: readonly HeldSplit[]): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextAtMs) return;
    this.#nextAtMs = nowMs + periodMs;
    this.#mailbox.wakeAfter(periodMs);
    const wallMs = this.#clock.wallMs();
    for (const { watermark } of splits) watermark.onPeriodic(wallMs);
  }
}
