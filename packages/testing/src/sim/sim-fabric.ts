import { StreamError } from "@millrace/core";

import type { LinkConditions } from "./link-faults.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { connectEnds, SimConnectionEnd } from "./sim-connection.ts";
import type { SimProcess } from "./sim-process.ts";

/** What the opener wants, known to the acceptor before the first message. */
export type Opening =
  | { readonly kind: "session" }
  | { readonly kind: "call"; readonly method: string }
  | { readonly kind: "stream" };

interface SimListener {
  readonly process: SimProcess;
  readonly accept: (end: SimConnectionEnd, opening: Opening) => void;
}

const longestRepeatMs = 5_000;

/** The network of a simulated cluster: who listens where, and how the links behave. */
export class SimFabric {
  readonly conditions: LinkConditions;
  readonly #random: SeededRandom;
  readonly #listeners = new Map<string, SimListener>();
  /** The most bytes that one connection of a kind had under way (S15). */
  readonly peakBytes: Record<Opening["kind"], number> = { session: 0, call: 0, stream: 0 };
  #nextPort = 1;

  constructor(conditions: LinkConditions, random: SeededRandom) {
    this.conditions = conditions;
    this.#random = random;
  }

  /** Returns an address that nothing else has had. */
  newAddress(prefix: string): string {
    this.#nextPort += 1;
    return `${prefix}:${this.#nextPort}`;
  }

  /** Listens at the address until disposed or the process dies; throws `port-in-use`. */
  listen(address: string, listener: SimListener): Disposable {
    if (this.#listeners.get(address)?.process.isAlive() === true) {
      throw new StreamError("port-in-use", `address ${address} is in use`, {
        domain: "external",
        retry: "never",
      });
    }
    this.#listeners.set(address, listener);
    return {
      [Symbol.dispose]: () => {
        if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
      },
    };
  }

  /** Returns after how long a message comes a second time, or undefined if it does not. */
  drawRepeatMs(): number | undefined {
    const { repeats } = this.conditions;
    if (repeats === 0 || !this.#random.chance(repeats)) return undefined;
    return this.#random.below(longestRepeatMs);
  }

  connect(process: SimProcess, address: string, opening: Opening): SimConnectionEnd {
    const listener = this.#listeners.get(address);
    if (listener === undefined || !listener.process.isAlive()) return refuse(process, address);
    const { opened, accepted } = connectEnds({
      conditions: this.conditions,
      random: this.#random,
      opener: process,
      acceptor: listener.process,
      onBuffered: (bytes) => {
        if (bytes > this.peakBytes[opening.kind]) this.peakBytes[opening.kind] = bytes;
      },
    });
    listener.process.post(this.conditions.minLatencyMs, "accept", () => {
      listener.accept(accepted, opening);
    });
    return opened;
  }
}

function refuse(process: SimProcess, address: string): SimConnectionEnd {
  const end = new SimConnectionEnd(process);
  process.post(1, "refused", () => end.break(new Error(`nobody listens at ${address}`)));
  return end;
}
