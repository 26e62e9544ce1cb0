import {
  invalidJob,
  type SourceConnector,
  type SplitDescriptor,
  type SplitHandle,
} from "@millrace/graph";

export interface DatagenOptions<T> {
  /**
   * Returns event `n`, from 0 on. It must give the same for the same number: a restore asks again for
   * those behind the checkpoint.
   */
  readonly generate: (n: number) => T;
  /** How many events there are; without end unless set. */
  readonly count?: number;
  /** Into how many splits the numbers are dealt out; as many as there are readers at first. */
  readonly splits?: number;
}

const batchSize = 512;

/**
 * Returns a source of generated events (Flink's DataGeneratorSource); can be replayed. Its readers
 * generate as fast as they may: set the source's `rateLimit`. Throws `job-module-invalid`.
 */
export function datagen<T>({ generate, count, splits }: DatagenOptions<T>): SourceConnector<T> {
  if (count !== undefined) requireCount("count", count, 0);
  if (splits !== undefined) requireCount("splits", splits, 1);
  return {
    connector: "datagen",
    options: { count: count ?? null, splits: splits ?? null },
    canReplay: true,
    ...(count === undefined ? { isBounded: false } : {}),
    discover: ({ parallelism }) => {
      const stride = splits ?? parallelism;
      return Promise.resolve(
        Array.from({ length: stride }, (_, first): SplitDescriptor => ({
          id: `${first} of ${stride}`,
          descriptor: { first, stride },
        })),
      );
    },
    createReader: () => ({
      open: ({ descriptor }, position) =>
        Promise.resolve(openAt(generate, count ?? Infinity, rangeOf(descriptor, position))),
    }),
  };
}

interface NumberRange {
  /** The next one. */
  readonly next: number;
  readonly stride: number;
}

function openAt<T>(
  generate: (n: number) => T,
  count: number,
  { next: start, stride }: NumberRange,
): SplitHandle<T> {
  let next = start;
  return {
    nextBatch() {
      if (next >= count) return Promise.resolve(undefined);
      const first = next;
      const records: T[] = [];
      for (; next < count && records.length < batchSize; next += stride) {
        records.push(generate(next));
      }
      return Promise.resolve({ records, positionAt: (index) => first + index * stride });
    },
    close: () => Promise.resolve(),
  };
}

function rangeOf(descriptor: unknown, position: unknown): NumberRange {
  const isRange = typeof descriptor === "object" && descriptor !== null;
  const first = isRange && "first" in descriptor ? Number(descriptor.first) : 0;
  const stride = isRange && "stride" in descriptor ? Number(descriptor.stride) : 1;
  return { next: typeof position === "number" ? position : first, stride };
}

function requireCount(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw invalidJob(
    `datagen: ${name} is ${value}: give a whole number from ${least} on, or leave it out`,
  );
}
