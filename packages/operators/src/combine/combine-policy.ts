/** When combining pays; `reduction` is records over partials. */
export interface CombineSettings {
  /** Entries of the table; a power of two. */
  readonly entryCount: number;
  /** A measurement ends after so long, and what is held leaves. */
  readonly maxAgeMs: number;
  /** A measurement without combining ends after so many records. */
  readonly trialRecordCount: number;
  /** One with combining, which bounds what author's accumulators may collect. */
  readonly maxHeldRecordCount: number;
  /** Below so many records in a measurement it is not worth their delay. */
  readonly minRecordCount: number;
  readonly startReduction: number;
  readonly stopReduction: number;
  /** Records that pass unmeasured after a first measurement that did not pay; doubles with each. */
  readonly minPauseRecordCount: number;
  readonly maxPauseRecordCount: number;
}

/** Break-even lies at a reduction of 2 to 3 (`packages/README.md`, decisions). */
export const combineSettings: CombineSettings = {
  entryCount: 16_384,
  maxAgeMs: 100,
  trialRecordCount: 65_536,
  maxHeldRecordCount: 1_048_576,
  minRecordCount: 4_096,
  startReduction: 2.5,
  stopReduction: 2,
  minPauseRecordCount: 1_048_576,
  maxPauseRecordCount: 16_777_216,
};

/**
 * Decides for one edge of one subtask whether its records are combined, by what that saves.
 *
 * | mode      | a measurement ends: it pays | it does not |
 * |-----------|-----------------------------|-------------|
 * | pausing   | (counted down) watching     |             |
 * | watching  | combining                   | pausing     |
 * | combining | combining                   | watching    |
 *
 * Watching combines nothing: it remembers which key a table would hold in each place, which costs
 * little, and counts how often the next record finds its own.
 */
export class CombinePolicy {
  isCombining = false;
  /** Records that pass unmeasured before the next measurement; whoever passes one counts down. */
  pauseLeft = 0;
  readonly #settings: CombineSettings;
  readonly #mask: number;
  readonly #hashes: Int32Array;
  #pauseRecordCount: number;
  #sinceMs = Number.NaN;
  #recordCount = 0;
  #sentCount = 0;

  constructor(settings: CombineSettings) {
    this.#settings = settings;
    this.#mask = settings.entryCount - 1;
    this.#hashes = new Int32Array(settings.entryCount);
    this.#pauseRecordCount = settings.minPauseRecordCount;
  }

  /** Watching: a record of this hash, at this place of a table, passed. */
  watch(hash: number, place: number): void {
    const index = place & this.#mask;
    this.#recordCount += 1;
    if (this.#hashes[index] === hash) return;
    this.#hashes[index] = hash;
    this.#sentCount += 1;
  }

  /** Combining: a record went into the table. */
  countRecord(): void {
    this.#recordCount += 1;
  }

  /** Combining: a partial or a record left the table. */
  countSent(): void {
    this.#sentCount += 1;
  }

  /** Returns how long the measurement still takes; 0 when it is over, Infinity when none runs. */
  remainingMs(nowMs: number): number {
    if (this.#recordCount === 0) return Infinity;
    if (Number.isNaN(this.#sinceMs)) this.#sinceMs = nowMs;
    const { maxHeldRecordCount, trialRecordCount, maxAgeMs } = this.#settings;
    const limit = this.isCombining ? maxHeldRecordCount : trialRecordCount;
    if (this.#recordCount >= limit) return 0;
    return Math.max(0, this.#sinceMs + maxAgeMs - nowMs);
  }

  /** Decides by the measurement, which is over, and begins the next; the table is empty. */
  decide(): void {
    const { minRecordCount, startReduction, stopReduction } = this.#settings;
    const reduction = this.#recordCount / Math.max(1, this.#sentCount);
    const isBusy = this.#recordCount >= minRecordCount;
    if (this.isCombining) {
      this.isCombining = isBusy && reduction >= stopReduction;
    } else if (isBusy && reduction >= startReduction) {
      this.isCombining = true;
      this.#pauseRecordCount = this.#settings.minPauseRecordCount;
    } else if (isBusy) {
      this.#pause();
    }
    this.#sinceMs = Number.NaN;
    this.#recordCount = 0;
    this.#sentCount = 0;
    if (!this.isCombining) this.#hashes.fill(0);
  }

  #pause(): void {
    this.pauseLeft = this.#pauseRecordCount;
    this.#pauseRecordCount = Math.min(
      this.#pauseRecordCount * 2,
      this.#settings.maxPauseRecordCount,
    );
  }
}
