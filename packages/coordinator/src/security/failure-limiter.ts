import type { Clock } from "@millrace/core";

/** So many wrong tokens within `windowMs` are answered; then the host has to wait. */
export interface FailureLimits {
  readonly maxFailures: number;
  readonly windowMs: number;
  /** Hosts that are remembered; above that the oldest is forgotten (S15). */
  readonly maxHosts: number;
}

const defaultFailureLimits: FailureLimits = {
  maxFailures: 10,
  windowMs: 30_000,
  maxHosts: 4_096,
};

interface HostFailures {
  readonly beganAtMs: number;
  count: number;
}

/** Counts failures by host; a host over its limit waits until its window is over. */
export class FailureLimiter {
  readonly #clock: Clock;
  readonly #limits: FailureLimits;
  readonly #hosts = new Map<string, HostFailures>();

  constructor(clock: Clock, limits: FailureLimits = defaultFailureLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Returns how long the host has to wait before it is listened to; 0: it need not. */
  waitMs(host: string): number {
    const failures = this.#find(host);
    if (failures === undefined || failures.count < this.#limits.maxFailures) return 0;
    return failures.beganAtMs + this.#limits.windowMs - this.#clock.monotonicMs();
  }

  count(host: string): void {
    const failures = this.#find(host);
    if (failures !== undefined) {
      failures.count += 1;
      return;
    }
    const [oldest] = this.#hosts.keys();
    if (this.#hosts.size >= this.#limits.maxHosts && oldest !== undefined) {
      this.#hosts.delete(oldest);
    }
    this.#hosts.set(host, { beganAtMs: this.#clock.monotonicMs(), count: 1 });
  }

  #find(host: string): HostFailures | undefined {
    const failures = this.#hosts.get(host);
    if (failures === undefined) return undefined;
    const isOver = this.#clock.monotonicMs() - failures.beganAtMs >= this.#limits.windowMs;
    if (!isOver) return failures;
    this.#hosts.delete(host);
    return undefined;
  }
}
