import type { AsyncSpec } from "@millrace/graph";

import { hashText, type SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import type { SimGraph } from "./sim-graph.ts";

const failedTag = "unanswered";
const refusedTag = "not-asked";

/** What the function gets besides its record. */
interface Call {
  readonly attempt: number;
  readonly sleep: (duration: string) => Promise<void>;
}

/**
 * Adds, sometimes, a service that often fails or takes too long, behind a circuit breaker. How a record
 * ends is left to chance, but each ends in one way: the ends together are the records. Returns the
 * streams to sink.
 */
export function drawBreaker(
  draw: SeededRandom,
  graph: SimGraph,
  stream: number,
): readonly number[] {
  if (!draw.chance(0.15)) return [];
  const asked = graph.add("breaker", [stream], drawSpec(draw));
  const ends = [failedTag, refusedTag].map((tag) => {
    const side = graph.add(tag, [asked], { kind: "side-output", tag });
    return graph.add(`${tag}-records`, [side], {
      kind: "map",
      map: ({ record: { id, amount } }: { readonly record: SimRecord }) => ({ id, amount }),
    });
  });
  return [graph.add("all-ends", [asked, ...ends], { kind: "union" })];
}

function drawSpec(draw: SeededRandom): AsyncSpec {
  const longestMs = 1 + draw.below(300);
  const ask = async ({ id, amount }: SimRecord, { attempt, sleep }: Call): Promise<unknown> => {
    await sleep(`${hashText(`${id}:${attempt}`) % longestMs}ms`);
    if (hashText(`fails ${id}:${attempt}`) % 3 === 0) throw new Error(`busy: ${id}`);
    return [{ id, amount }];
  };
  return {
    kind: "async-map",
    ask,
    isFlat: true,
    isOrdered: draw.chance(0.5),
    capacity: 1 + draw.below(30),
    timeoutMs: 20 + draw.below(400),
    ...(draw.chance(0.5) ? { retry: { maxAttempts: 2, initialDelayMs: 5, maxDelayMs: 20 } } : {}),
    failuresTo: failedTag,
    circuitBreaker: {
      trip: draw.chance(0.5)
        ? { kind: "in-a-row", failureCount: 1 + draw.below(3) }
        : { kind: "rate", rate: 0.4, tryCount: 2 + draw.below(6) },
      openMs: 10 + draw.below(500),
      probeCount: 1 + draw.below(3),
      to: refusedTag,
    },
  };
}
