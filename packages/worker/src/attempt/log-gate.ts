import type { LogLine } from "@millrace/rpc";

/**
 * Lets a limited number of log lines through between two heartbeats.
 *
 * I1 What is dropped is counted, and said in the log itself (S15).
 */
export class LogGate {
  readonly #limit: number;
  #passed = 0;
  #dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Returns those of the lines that may go on. */
  pass(lines: readonly LogLine[]): readonly LogLine[] {
    const taken = lines.slice(0, Math.max(0, this.#limit - this.#passed));
    this.#passed += taken.length;
    this.#dropped += lines.length - taken.length;
    return taken;
  }

  /** Begins the next interval; returns how many lines were dropped in the one before. */
  renew(): number {
    const dropped = this.#dropped;
    this.#passed = 0;
    this.#dropped = 0;
    return dropped;
  }
}
