import type { Clock } from "@millrace/core";

/** The timers of one job; each runs at most once at a time. */
export class JobTimers {
  readonly #clock: Clock;
  #slotWait: Disposable | undefined;
  #backoff: Disposable | undefined;
  #deploy: Disposable | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs the slot wait as long as it is wanted, from when it first was. */
  watchSlotWait(
    isWanted: boolean,
    wait: { readonly afterMs: number; readonly onOver: () => void },
  ): void {
    if (!isWanted) {
      this.#slotWait?.[Symbol.dispose]();
      this.#slotWait = undefined;
    }
    if (isWanted) this.#slotWait ??= this.#clock.schedule(wait.afterMs, wait.onOver);
  }

  startBackoff(afterMs: number, onOver: () => void): void {
    this.#backoff?.[Symbol.dispose]();
    this.#backoff = this.#clock.schedule(afterMs, onOver);
  }

  startDeploy(afterMs: number, onOver: () => void): void {
    this.endDeploy();
    this.#deploy = this.#clock.schedule(afterMs, onOver);
  }

  endDeploy(): void {
    this.#deploy?.[Symbol.dispose]();
    this.#deploy = undefined;
  }

  close(): void {
    this.watchSlotWait(false, { afterMs: 0, onOver: () => {} });
    this.#backoff?.[Symbol.dispose]();
    this.endDeploy();
  }
}
