/**
 * Whether this coordinator still leads. Safety never rests on it: every transaction carries the
 * fence (S1). It is here so that a deposed leader stops talking to workers soon.
 */
import { StreamError, type Clock, type Failpoints, type LeaderEpoch } from "@millrace/core";
import {
  keepLease,
  type LeaseKeeper,
  type Leadership,
  type MetadataStore,
} from "@millrace/metadata";

export interface LeadershipGuard extends Disposable {
  readonly leaderEpoch: LeaderEpoch;
  /** Returns if this coordinator leads, as of now; else steps down and throws `stale`. */
  check(): Promise<void>;
}

export interface LeadershipGuardOptions {
  readonly leadership: Leadership;
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  /** How often it looks at the election key by itself. */
  readonly periodMs: number;
  /** Called once, when this coordinator leads no more, with the reason. */
  readonly onDeposed: (reason: string) => void;
}

/**
 * Returns the guard. It keeps the lease, where there is one, and looks at the election key.
 *
 * I1 A leader whose lease may have ended by its own clock steps down without asking the store (F6).
 * I2 A store that is away says nothing about who leads; the lease's end does (F15).
 */
export function createLeadershipGuard(options: LeadershipGuardOptions): LeadershipGuard {
  return new Guard(options);
}

class Guard implements LeadershipGuard {
  readonly #options: LeadershipGuardOptions;
  readonly #lease: LeaseKeeper | undefined;
  #isOver = false;
  #timer: Disposable | undefined;

  constructor(options: LeadershipGuardOptions) {
    this.#options = options;
    const { leadership, store, clock } = options;
    if (leadership.lease !== undefined && store.leases !== undefined) {
      const onLost = (reason: string): void => {
        if (!this.#isDeadlineIgnored()) this.#depose(reason);
      };
      this.#lease = keepLease({ leases: store.leases, clock, lease: leadership.lease, onLost });
    }
    this.#scheduleLook();
  }

  get leaderEpoch(): LeaderEpoch {
    return this.#options.leadership.leaderEpoch;
  }

  async check(): Promise<void> {
    const { leadership, store } = this.#options;
    if (this.#lease?.isProven() === false && !this.#isDeadlineIgnored())
      this.#depose("its lease has run out");
    const entry = this.#isOver ? undefined : await store.get(leadership.electionKey);
    if (entry?.createRevision === leadership.fence.equals && !this.#isOver) return;
    this.#depose("another coordinator leads");
    const message = `the coordinator of leader epoch ${leadership.leaderEpoch} is no longer the leader`;
    throw new StreamError("stale", message, { domain: "external", retry: "never" });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
    this.#lease?.[Symbol.dispose]();
  }

  #scheduleLook(): void {
    const { clock, periodMs } = this.#options;
    this.#timer = clock.schedule(periodMs, () => {
      const again = (): void => {
        if (!this.#isOver) this.#scheduleLook();
      };
      this.check().then(again, again);
    });
  }

  #isDeadlineIgnored(): boolean {
    return this.#options.failpoints.isActive("lease-deadline-ignored");
  }

  #depose(reason: string): void {
    if (this.#isOver) return;
    this[Symbol.dispose]();
    this.#options.onDeposed(reason);
  }
}
