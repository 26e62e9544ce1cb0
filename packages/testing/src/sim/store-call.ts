import { StreamError } from "@millrace/core";

import type { SeededRandom } from "./seeded-random.ts";
import type { SimProcess } from "./sim-process.ts";
import type { StoreConditions, StoreCounts } from "./store-conditions.ts";

/** What becomes of the process that makes a call. */
export type CallFate = "lives" | "dies-before" | "dies-after";

/** A process's way to a store. */
export interface StoreLink<Conditions extends StoreConditions = StoreConditions> {
  readonly process: SimProcess;
  readonly random: SeededRandom;
  /** For the faults that only some profiles have: what `random` gives stays the same without them. */
  readonly faultRandom: SeededRandom;
  readonly conditions: Conditions;
  readonly counts: StoreCounts;
  /** Asked once for each call. */
  readonly fateOfCall: () => CallFate;
}

/** `write`: its outcome may stay unknown. `put`: repeating it is harmless, so it just fails. */
type CallKind = "read" | "write" | "put";

export interface StoreCall<Result> {
  readonly name: string;
  readonly kind: CallKind;
  readonly apply: () => Promise<Result>;
  /** Rejects the call with its reason; what is under way may still happen. */
  readonly signal?: AbortSignal | undefined;
  /** It reaches the store so much later. */
  readonly delayMs?: number;
  /** In place of what the conditions say. */
  readonly isRequestLost?: boolean;
  readonly isResponseLost?: boolean;
}

/** Makes a call of a store that is away, slow, and sometimes silent. */
export function callStore<Result>(link: StoreLink, call: StoreCall<Result>): Promise<Result> {
  const { process, random, conditions, counts } = link;
  const { name, kind, signal } = call;
  counts.calls += 1;
  const isAway = conditions.isDown || conditions.cutOff.has(process);
  const isRequestLost = isAway || random.chance(conditions.lostRequests) || call.isRequestLost;
  const isResponseLost = random.chance(conditions.lostResponses) || call.isResponseLost;
  return new Promise((resolve, reject) => {
    const answer = (settle: () => void, delayMs: number): void => {
      process.post(delayMs, `${name} answer`, settle);
    };
    const fail = (delayMs: number, isKnown: boolean): void => {
      if (isKnown) counts.failures += 1;
      else counts.unknownOutcomes += 1;
      answer(() => reject(storeError(name, isKnown)), delayMs);
    };
    if (!process.isAlive()) return;
    const fate = link.fateOfCall();
    if (fate === "dies-before") {
      process.kill();
      return;
    }
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    const delayMs = drawDelay(link) + (call.delayMs ?? 0);
    process.scheduler.schedule(delayMs, `${process.name} ${name}`, () => {
      if (isRequestLost === true) {
        if (fate === "dies-after") process.kill();
        fail(drawDelay(link) + 20, kind !== "write" || random.chance(0.5));
        return;
      }
      void call.apply().then(
        (result) => {
          if (fate === "dies-after") process.kill();
          if (isResponseLost === true) fail(drawDelay(link) + 20, kind !== "write");
          else answer(() => resolve(result), drawDelay(link));
        },
        (error: unknown) => answer(() => reject(error), drawDelay(link)),
      );
    });
  });
}

/** Returns how long one way takes. */
export function drawDelay({ conditions, random }: StoreLink): number {
  const { minLatencyMs, maxLatencyMs } = conditions;
  return minLatencyMs + ((maxLatencyMs - minLatencyMs) * random.below(1_000)) / 1_000;
}

function storeError(call: string, isKnown: boolean): StreamError {
  const code = isKnown ? "unavailable" : "unknown-outcome";
  return new StreamError(code, `${call}: ${isKnown ? "not reached" : "no answer"} (simulated)`, {
    domain: "external",
    retry: "backoff",
  });
}
