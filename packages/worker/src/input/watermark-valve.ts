import { assert, maxWatermark, minWatermark, type Failpoints } from "@millrace/core";

/** What the subtask as a whole says, after what its channels said. */
export type ValveChange =
  | { readonly kind: "nothing" }
  | { readonly kind: "watermark"; readonly watermarkMs: number }
  /** No channel is active any more and some may be again (idle), or one is again. */
  | { readonly kind: "status"; readonly isIdle: boolean };

type ChannelState = "active" | "idle" | "final";

const noChange: ValveChange = { kind: "nothing" };

/**
 * Decides a subtask's event time from the watermarks of its channels: the least of the active ones.
 * Pure. What changed is taken by `take`, until it returns `nothing`.
 *
 * I1 The result never regresses, and a channel's watermark must not either (S12).
 * I2 An idle channel holds nobody back; one that is active again holds the result where it is until
 *    its own watermark has caught up.
 * I3 A channel is final when its watermark is +infinity or its input ended: it neither holds others
 *    back nor pushes them. The result is +infinity once every channel's is.
 */
export class WatermarkValve {
  readonly #watermarks: Float64Array;
  readonly #states: ChannelState[];
  readonly #isRegressing: boolean;
  #resultMs = minWatermark;
  #reportedMs = minWatermark;
  #isIdle = false;
  #isIdleReported = false;

  /** `restoredMs`: what the subtask had fired before its restore; reported first of all. */
  constructor(options: {
    readonly channelCount: number;
    readonly restoredMs: number;
    readonly failpoints: Failpoints;
  }) {
    this.#watermarks = new Float64Array(options.channelCount).fill(minWatermark);
    this.#states = Array.from({ length: options.channelCount }, () => "active");
    this.#isRegressing = options.failpoints.isActive("watermark-regresses");
    this.#resultMs = options.restoredMs;
  }

  onWatermark(channelIndex: number, watermarkMs: number): void {
    const previousMs = this.#watermarks[channelIndex] ?? minWatermark;
    assert(
      watermarkMs >= previousMs,
      `the watermark of channel ${channelIndex} regresses from ${previousMs} to ${watermarkMs}`,
    );
    this.#watermarks[channelIndex] = watermarkMs;
    if (watermarkMs === maxWatermark) this.#states[channelIndex] = "final";
    this.#update();
    if (this.#isRegressing) this.#resultMs = watermarkMs;
  }

  onStatus(channelIndex: number, isIdle: boolean): void {
    if (this.#states[channelIndex] === "final") return;
    this.#states[channelIndex] = isIdle ? "idle" : "active";
    this.#update();
  }

  onEndOfInput(channelIndex: number): void {
    this.#states[channelIndex] = "final";
    this.#update();
  }

  /** Returns the next change that was not taken yet: activity before a watermark before idleness. */
  take(): ValveChange {
    if (this.#isIdleReported && !this.#isIdle) return this.#takeStatus();
    if (this.#resultMs !== this.#reportedMs) {
      this.#reportedMs = this.#resultMs;
      return { kind: "watermark", watermarkMs: this.#resultMs };
    }
    return this.#isIdleReported === this.#isIdle ? noChange : this.#takeStatus();
  }

  #takeStatus(): ValveChange {
    this.#isIdleReported = this.#isIdle;
    return { kind: "status", isIdle: this.#isIdle };
  }

  #update(): void {
    let leastActiveMs = maxWatermark;
    let activeCount = 0;
    let idleCount = 0;
    let isInfinite = true;
    for (let index = 0; index < this.#states.length; index += 1) {
      const watermarkMs = this.#watermarks[index] ?? minWatermark;
      if (watermarkMs !== maxWatermark) isInfinite = false;
      if (this.#states[index] === "idle") idleCount += 1;
      if (this.#states[index] !== "active") continue;
      activeCount += 1;
      if (watermarkMs < leastActiveMs) leastActiveMs = watermarkMs;
    }
    this.#isIdle = activeCount === 0 && idleCount > 0;
    if (activeCount === 0 && !isInfinite) return;
    if (leastActiveMs > this.#resultMs) this.#resultMs = leastActiveMs;
  }
}
