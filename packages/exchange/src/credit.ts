import { brokenFrame } from "./frame.ts";

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

/**
 * The receiver's side of a channel's credit: how large the window is and when used-up bytes go back.
 * The window is constant for now; adapting it to the rate of consumption belongs here.
 *
 * I1 What is withheld is less than a quarter of the window, so a sender whose bytes are all used up
 *    always has credit.
 */
export class ReceiveWindow {
  readonly #windowBytes: number;
  #withheldBytes = 0;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** The credit that comes with the hello's reply. */
  initialBytes(): number {
    return this.#windowBytes;
  }

  /** Takes note of used-up bytes; returns how many to give back now, often none. */
  use(sizeBytes: number): number {
    this.#withheldBytes += sizeBytes;
    if (this.#withheldBytes * 4 < this.#windowBytes) return 0;
    const grantedBytes = this.#withheldBytes;
    this.#withheldBytes = 0;
    return grantedBytes;
  }
}
