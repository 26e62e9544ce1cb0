/**
 * Tells whether a slot hangs, from its progress at regular checks. It counts checks and not time: a
 * process that was stopped as a whole (F5) finds no hung slots when it goes on.
 */
export class HangDetector {
  readonly #checksAllowed: number;
  #lastTurns = -1;
  #checksWithoutProgress = 0;

  constructor(config: { readonly hungTaskTimeoutMs: number; readonly hungTaskCheckMs: number }) {
    this.#checksAllowed = Math.ceil(config.hungTaskTimeoutMs / config.hungTaskCheckMs);
  }

  /** Takes one check in and returns whether the slot hangs by now. */
  observe(progress: { readonly turns: number; readonly isBusy: boolean }): boolean {
    const stands = progress.isBusy && progress.turns === this.#lastTurns;
    this.#lastTurns = progress.turns;
    this.#checksWithoutProgress = stands ? this.#checksWithoutProgress + 1 : 0;
    return this.#checksWithoutProgress >= this.#checksAllowed;
  }
}
