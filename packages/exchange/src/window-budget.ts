/** A channel gets so much, however many there are: less would send a frame for each record. */
export const minWindowBytes: number = 32 * 1_024;

/**
 * What the windows of all channels into one slot may be together (S15). Many channels begin with
 * smaller windows, and none grows beyond what is left.
 *
 * I1 The windows are at most the limit together, or 32 KiB each where that is more.
 */
export class WindowBudget {
  readonly #limitBytes: number;
  #channelCount = 0;
  #givenBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Counts a channel that will ask for its first window. */
  join(): void {
    this.#channelCount += 1;
  }

  /** Returns a channel's first window, at most as large as it asks for; all have joined. */
  first(windowBytes: number): number {
    const share = Math.floor(this.#limitBytes / Math.max(1, this.#channelCount));
    const given = Math.min(windowBytes, Math.max(minWindowBytes, share));
    this.#givenBytes += given;
    return given;
  }

  /** Whether a window may grow by so much; then it counts. */
  take(sizeBytes: number): boolean {
    if (this.#givenBytes + sizeBytes > this.#limitBytes) return false;
    this.#givenBytes += sizeBytes;
    return true;
  }

  /** A window has shrunk. */
  giveBack(sizeBytes: number): void {
    this.#givenBytes -= sizeBytes;
  }
}
