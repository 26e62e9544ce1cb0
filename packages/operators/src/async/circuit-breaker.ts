import { assertNever } from "@millrace/core";
import type { CircuitBreakerSpec } from "@millrace/graph";

export type BreakerState = "closed" | "open" | "half-open";

type State =
  | { readonly kind: "closed"; readonly outcomes: Outcomes }
  | { readonly kind: "open"; readonly untilMs: number }
  | { readonly kind: "half-open"; admittedCount: number; succeededCount: number };

/** Shown again with the outcome of a try that was let through. */
export type BreakerTicket = number;

/**
 * Decides whether a service that fails is still asked; of one subtask, in memory only.
 *
 * | state     | event                                   | to        |
 * |-----------|-----------------------------------------|-----------|
 * | closed    | as many failures as the rule allows     | open      |
 * | open      | the time is over and somebody asks      | half-open |
 * | half-open | a probe failed                          | open      |
 * | half-open | as many probes succeeded as are allowed | closed    |
 *
 * I1 The outcome of a try counts only in the state that let it through: what was asked before it
 *    opened says nothing of how the service is now.
 * I2 While it is half open no more than the probes are let through.
 */
export class CircuitBreaker {
  readonly #spec: CircuitBreakerSpec;
  #state: State;
  /** Of the state, so that outcomes are known to be of another one (I1). */
  #ticket: BreakerTicket = 0;

  constructor(spec: CircuitBreakerSpec) {
    this.#spec = spec;
    this.#state = { kind: "closed", outcomes: new Outcomes(spec.trip) };
  }

  /** Returns a ticket for a try, or undefined if none is to be made. */
  admit(nowMs: number): BreakerTicket | undefined {
    if (this.#state.kind === "open" && nowMs >= this.#state.untilMs) {
      this.#become({ kind: "half-open", admittedCount: 0, succeededCount: 0 });
    }
    const state = this.#state;
    switch (state.kind) {
      case "closed":
        return this.#ticket;
      case "open":
        return undefined;
      case "half-open":
        if (state.admittedCount >= this.#spec.probeCount) return undefined;
        state.admittedCount += 1;
        return this.#ticket;
      default:
        return assertNever(state);
    }
  }

  onOutcome(ticket: BreakerTicket, isFailure: boolean, nowMs: number): void {
    if (ticket !== this.#ticket) return;
    const state = this.#state;
    switch (state.kind) {
      case "closed":
        state.outcomes.add(isFailure);
        if (state.outcomes.isTripped()) this.#open(nowMs);
        return;
      case "half-open":
        if (isFailure) this.#open(nowMs);
        else this.#countProbe(state);
        return;
      case "open":
        return;
      default:
        assertNever(state);
    }
  }

  /** Returns the state; "half-open" from the first probe on. */
  state(): BreakerState {
    return this.#state.kind;
  }

  #countProbe(state: Extract<State, { kind: "half-open" }>): void {
    state.succeededCount += 1;
    if (state.succeededCount < this.#spec.probeCount) return;
    this.#become({ kind: "closed", outcomes: new Outcomes(this.#spec.trip) });
  }

  #open(nowMs: number): void {
    this.#become({ kind: "open", untilMs: nowMs + this.#spec.openMs });
  }

  #become(state: State): void {
    this.#state = state;
    this.#ticket += 1;
  }
}

/** The outcomes that a rule looks at. */
class Outcomes {
  readonly #trip: CircuitBreakerSpec["trip"];
  /** Of the last tries, in a ring: 1 for a failure; used by rates only. */
  readonly #ring: Uint8Array;
  #next = 0;
  #count = 0;
  /** In a row, or in the ring. */
  #failureCount = 0;

  constructor(trip: CircuitBreakerSpec["trip"]) {
    this.#trip = trip;
    this.#ring = new Uint8Array(trip.kind === "rate" ? trip.tryCount : 0);
  }

  add(isFailure: boolean): void {
    if (this.#trip.kind === "in-a-row") {
      this.#failureCount = isFailure ? this.#failureCount + 1 : 0;
      return;
    }
    this.#failureCount += Number(isFailure) - (this.#ring[this.#next] ?? 0);
    this.#ring[this.#next] = Number(isFailure);
    this.#next = (this.#next + 1) % this.#ring.length;
    this.#count = Math.min(this.#count + 1, this.#ring.length);
  }

  isTripped(): boolean {
    const trip = this.#trip;
    if (trip.kind === "in-a-row") return this.#failureCount >= trip.failureCount;
    return this.#count === trip.tryCount && this.#failureCount >= trip.rate * trip.tryCount;
  }
}
