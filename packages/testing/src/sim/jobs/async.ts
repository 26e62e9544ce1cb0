import type { AsyncSpec } from "@millrace/graph";

import { hashText, type SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";

/** What an async operator of a drawn job emits what has failed to. */
export const failedTag = "failed";

/** What the function gets besides its record. */
interface Call {
  readonly attempt: number;
  readonly sleep: (duration: string) => Promise<void>;
}

/**
 * Returns an async operator that asks a flaky service: it answers after some time of its own for each
 * try, fails some records at first and others for good. How each record ends is a function of the
 * record alone, so that neither order nor faults change what comes out.
 */
export function drawAsync(draw: SeededRandom): AsyncSpec {
  const longestMs = 1 + draw.below(300);
  const ask = async (record: SimRecord, { attempt, sleep }: Call): Promise<SimRecord> => {
    await sleep(`${hashText(`${record.id}:${attempt}`) % longestMs}ms`);
    if (record.id % 13 === 0 || attempt <= record.id % 3) throw new Error(`busy: ${record.id}`);
    return { ...record, amount: record.amount + 1 };
  };
  return {
    kind: "async-map",
    ask,
    isFlat: false,
    isOrdered: draw.chance(0.5),
    capacity: 1 + draw.below(30),
    // Longer than any pause: what times out would depend on the faults.
    timeoutMs: 120_000,
    retry: { maxAttempts: 3, initialDelayMs: 5, maxDelayMs: 20 },
    failuresTo: failedTag,
  };
}
