import type { Clock, Turn } from "@millrace/core";

import type { SimScheduler } from "./sim-scheduler.ts";

/** Virtual wall time begins here: 2001-09-09T01:46:40Z. */
const wallStartMs = 1_000_000_000_000;

/**
 * One incarnation of a process, or of a slot inside of one. All callbacks into its code go through
 * `post`, so a kill ends it between two events and a pause delays everything in order.
 *
 * I1 After `kill` no callback of this incarnation runs; what its code still does has no effect.
 * I2 While paused, callbacks wait; on resume they run in the order in which they were due.
 */
export class SimProcess {
  readonly name: string;
  readonly scheduler: SimScheduler;
  readonly #parent: SimProcess | undefined;
  #isKilled = false;
  #isPaused = false;
  #resumedAtMs = 0;
  #held: (() => void)[] = [];
  #onKill: (() => void)[] = [];

  constructor(name: string, scheduler: SimScheduler, parent?: SimProcess) {
    this.name = name;
    this.scheduler = scheduler;
    this.#parent = parent;
    parent?.onKill(() => this.kill());
  }

  isAlive(): boolean {
    return !this.#isKilled && (this.#parent?.isAlive() ?? true);
  }

  isPaused(): boolean {
    return this.#isPaused || (this.#parent?.isPaused() ?? false);
  }

  /** For how long it has run since its last pause; 0 while it is paused. */
  runningMs(): number {
    return this.isPaused() ? 0 : this.scheduler.nowMs() - this.#resumedAtMs;
  }

  /** Runs the callback in this process after the delay, if it still lives then. */
  post(delayMs: number, label: string, run: () => void): Disposable {
    return this.scheduler.schedule(delayMs, `${this.name} ${label}`, () => this.#deliver(run));
  }

  /** Calls back, in the world outside, when the process dies. */
  onKill(callback: () => void): void {
    this.#onKill.push(callback);
  }

  kill(): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    this.#held = [];
    for (const callback of this.#onKill.splice(0)) callback();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#resumedAtMs = this.scheduler.nowMs();
    this.#releaseHeld();
  }

  clock(): Clock {
    return {
      monotonicMs: () => this.scheduler.nowMs(),
      wallMs: () => wallStartMs + this.scheduler.nowMs(),
      schedule: (delayMs, callback) => this.post(Math.max(0, delayMs), "timer", callback),
    };
  }

  turn(): Turn {
    // A slice of work takes time: without it two slots would spin for ever at one instant.
    return { post: (callback) => void this.post(0.05, "turn", callback) };
  }

  #deliver(run: () => void): void {
    if (!this.isAlive()) return;
    const pausedBy = this.#pausedProcess();
    if (pausedBy === undefined) run();
    else pausedBy.#held.push(() => this.#deliver(run));
  }

  #pausedProcess(): SimProcess | undefined {
    if (this.#isPaused) return this;
    return this.#parent?.isPaused() === true ? this.#parent : undefined;
  }

  #releaseHeld(): void {
    for (const run of this.#held.splice(0)) {
      this.scheduler.schedule(0, `${this.name} held`, () => {
        if (this.#isPaused) this.#held.push(run);
        else run();
      });
    }
  }
}
