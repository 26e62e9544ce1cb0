import { brokenFrame } from "./frame.ts";
import type { WindowBudget } from "./window-budget.ts";

/** More than this is never under way, whatever windows adapt to. */
const maxCreditBytes = 64 * 1024 * 1024;

/**
 * What a sender may still send on a channel, in bytes. Spent when a frame leaves, whatever is left:
 * it goes below zero by what was emitted before the producer could stop.
 */
export class SendCredit {
  #availableBytes = 0;

  availableBytes(): number {
    return this.#availableBytes;
  }

  spend(sizeBytes: number): void {
    this.#availableBytes -= sizeBytes;
  }

  /** Throws `channel-broken` if the receiver gives back more than it can have got. */
  grant(sizeBytes: number): void {
    this.#availableBytes += sizeBytes;
    if (this.#availableBytes > maxCreditBytes) throw brokenFrame("a credit is too large");
  }
}

/** What a window may grow to, in windows that it begins with. */
export const maxWindowFactor = 8;

/**
 * The receiver's side of a channel's credit: how large the window is and when used-up bytes go back.
 * A receiver that has used up everything after its sender ran short of credit waits for nothing but the
 * way there and back: the window doubles. One that has used two windows and always had more to do
 * needs no such window, which alignment would have to wait for: it shrinks to half.
 *
 * I1 What is withheld is less than a quarter of the window, so a sender whose bytes are all used up
 *    always has credit.
 * I2 The window is never below the one that it begins with, nor above eight times that, and it grows
 *    only as far as the slot's budget allows.
 */
export class ReceiveWindow {
  readonly #budget: WindowBudget;
  readonly #askedBytes: number;
  #minBytes = 0;
  #maxBytes = 0;
  #windowBytes = 0;
  #withheldBytes = 0;
  /** By which a window that shrank is still too large: used-up bytes that do not go back. */
  #surplusBytes = 0;
  /** What the sender has not used of its credit, or is under way. */
  #unusedBytes = 0;
  /** Whether the sender ran short of credit since the window was last looked at. */
  #isShort = false;
  #usedSinceEmptyBytes = 0;

  constructor(windowBytes: number, budget: WindowBudget) {
    this.#askedBytes = windowBytes;
    this.#budget = budget;
    budget.join();
  }

  /** Returns the credit that comes with the hello's reply; called once, when all channels are there. */
  open(): number {
    const windowBytes = this.#budget.first(this.#askedBytes);
    this.#minBytes = windowBytes;
    this.#maxBytes = Math.min(windowBytes * maxWindowFactor, Math.max(windowBytes, maxCreditBytes));
    this.#windowBytes = windowBytes;
    this.#unusedBytes = windowBytes;
    return windowBytes;
  }

  /** Takes note of bytes that arrived. */
  arrive(sizeBytes: number): void {
    this.#unusedBytes -= sizeBytes;
    // Grants of a quarter may be on their way.
    if (this.#unusedBytes * 4 <= this.#windowBytes) this.#isShort = true;
  }

  /** Takes note of used-up bytes, and of what waits still; returns how many to give back now, often none. */
  use(sizeBytes: number, bufferedBytes: number): number {
    const surplusBytes = Math.min(this.#surplusBytes, sizeBytes);
    this.#surplusBytes -= surplusBytes;
    this.#withheldBytes += sizeBytes - surplusBytes;
    if (bufferedBytes > 0) this.#shrink(sizeBytes);
    else this.#grow();
    if (this.#withheldBytes * 4 < this.#windowBytes) return 0;
    const grantedBytes = this.#withheldBytes;
    this.#withheldBytes = 0;
    this.#unusedBytes += grantedBytes;
    return grantedBytes;
  }

  #grow(): void {
    this.#usedSinceEmptyBytes = 0;
    if (!this.#isShort) return;
    this.#isShort = false;
    const grownBytes = Math.min(this.#windowBytes * 2, this.#maxBytes);
    const moreBytes = grownBytes - this.#windowBytes;
    if (!this.#budget.take(moreBytes)) return;
    // What is still too much of an earlier window counts first.
    const kept = Math.min(moreBytes, this.#surplusBytes);
    this.#surplusBytes -= kept;
    this.#withheldBytes += moreBytes - kept;
    this.#windowBytes = grownBytes;
  }

  #shrink(sizeBytes: number): void {
    this.#usedSinceEmptyBytes += sizeBytes;
    if (this.#usedSinceEmptyBytes < this.#windowBytes * 2) return;
    this.#usedSinceEmptyBytes = 0;
    const shrunkBytes = Math.max(this.#windowBytes / 2, this.#minBytes);
    this.#surplusBytes += this.#windowBytes - shrunkBytes;
    this.#budget.giveBack(this.#windowBytes - shrunkBytes);
    this.#windowBytes = shrunkBytes;
  }
}
