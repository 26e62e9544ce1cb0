import type { ReadProgress } from "../read-progress.ts";
import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord, SimSourceInput } from "../sim-connectors.ts";

/** How far the event time of an input may be out of order. */
export const disorderMs = 400;

type SimInput = SimSourceInput<SimRecord>;

/** Returns the records of a source: splits, one after the other in event time or side by side. */
export function drawInput(random: SeededRandom, sourceIndex: number): SimInput {
  const splitCount = 1 + random.below(5);
  const keyCount = 1 + random.below(20);
  const spanMs = 1_000 + random.below(6_000);
  let nextId = sourceIndex * 1_000_000;
  const splits = Array.from({ length: splitCount }, (_, splitIndex) => {
    const startMs = random.chance(0.5) ? splitIndex * spanMs : 0;
    const recordCount = random.below(120);
    return Array.from({ length: recordCount }, (__, index): SimRecord => {
      const inOrderMs = startMs + Math.floor((index * spanMs) / recordCount);
      nextId += 1;
      return {
        id: nextId,
        key: `key-${random.below(keyCount)}`,
        atMs: Math.max(0, inOrderMs - random.below(disorderMs)),
        amount: random.below(100),
      };
    });
  });
  return { splits, batchSize: 1 + random.below(40), timestamp };
}

/** Returns the input without an end, whose progress is kept. */
export function withoutEnd(input: SimInput, sourceName: string, progress: ReadProgress): SimInput {
  for (const index of input.splits.keys()) progress.expect(sourceName, `split-${index}`);
  return { ...input, isEndless: true, progress };
}

/** Returns the record's event time. */
export function timestamp(record: SimRecord): number {
  return record.atMs;
}
