import { appendFileSync } from "node:fs";

const sampleMs = 100;

/**
 * The progress of one subtask: a line `<epoch ms> <count>` ten times a second at most, and at its
 * end. Called once a batch or once in thousands of records, so it may read a clock and write at once.
 */
export class SampleFile {
  readonly #path: string;
  #lastAtMs = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes a line unless the last one is younger than 100 ms. */
  offer(count: number): void {
    const nowMs = Date.now();
    if (nowMs - this.#lastAtMs >= sampleMs) this.#append(nowMs, count);
  }

  /** Writes a line. */
  add(count: number): void {
    this.#append(Date.now(), count);
  }

  #append(nowMs: number, count: number): void {
    this.#lastAtMs = nowMs;
    appendFileSync(this.#path, `${nowMs} ${count}\n`);
  }
}
