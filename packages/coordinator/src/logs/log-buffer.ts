/**
 * The last lines of one job: what its subtasks print and what happened to it.
 *
 * I1 It holds at most `limit` lines of at most 8,192 characters; the oldest go first.
 * I2 Sequence numbers count from 1 and have no gap; they begin again with the coordinator.
 */
import type { Clock } from "@millrace/core";
import type { LogLine } from "@millrace/rpc";

export interface LogPage {
  readonly lines: readonly LogLine[];
  readonly lastSequence: number;
}

const pageLimit = 1_000;
const lineLimit = 8_192;

export class LogBuffer {
  readonly #limit: number;
  #lines: LogLine[] = [];
  #lastSequence = 0;
  #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  append(lines: readonly LogLine[]): void {
    for (const line of lines) this.#lines.push(clip(line));
    this.#lastSequence += lines.length;
    // Twice the limit before it is cut, so that a line costs constant time.
    if (this.#lines.length > 2 * this.#limit) this.#lines = this.#lines.slice(-this.#limit);
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Returns the next lines after the number; a number from before a restart begins anew. */
  read(afterSequence: number): LogPage {
    const after = afterSequence > this.#lastSequence ? 0 : afterSequence;
    const kept = this.#lines.slice(-this.#limit);
    const firstSequence = this.#lastSequence - kept.length + 1;
    const from = Math.max(0, after + 1 - firstSequence);
    const lines = kept.slice(from, from + pageLimit);
    return {
      lines,
      lastSequence:
        lines.length === 0 ? this.#lastSequence : firstSequence + from + lines.length - 1,
    };
  }

  /** Returns when there are lines, or when the time is over. */
  async waitForLines(clock: Clock, waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer[Symbol.dispose]();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = clock.schedule(waitMs, wake);
      this.#waiting.add(wake);
    });
  }
}

function clip(line: LogLine): LogLine {
  if (line.text.length <= lineLimit) return line;
  return { ...line, text: `${line.text.slice(0, lineLimit)}... (${line.text.length} characters)` };
}
