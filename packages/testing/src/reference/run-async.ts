import type { AsyncSpec } from "@millrace/graph";

/** A record with its event time. */
interface Timed {
  readonly value: unknown;
  readonly atMs: number;
}

/**
 * Returns what an async operator emits when every answer comes in time and no circuit breaker opens:
 * one record after the other, tried as often as its retries allow. What fails for good goes to its
 * side output, or is thrown where it has none.
 */
export async function runAsync(
  spec: AsyncSpec,
  records: readonly Timed[],
  side: Map<string, Timed[]>,
): Promise<readonly Timed[]> {
  const emitted: Timed[] = [];
  for (const { value: record, atMs } of records) {
    const { answer, error, attempts } = await ask(spec, record);
    if (error === undefined) {
      for (const value of spec.isFlat ? toArray(answer) : [answer]) emitted.push({ value, atMs });
      continue;
    }
    if (spec.failuresTo === undefined) throw error;
    const message = `${error.name}: ${error.message}`;
    const value = { record, reason: "failed", message, attempts };
    side.set(spec.failuresTo, [...(side.get(spec.failuresTo) ?? []), { value, atMs }]);
  }
  return emitted;
}

interface Answer {
  readonly answer?: unknown;
  readonly error?: Error;
  readonly attempts: number;
}

async function ask({ ask: call, retry }: AsyncSpec, record: unknown): Promise<Answer> {
  const { signal } = new AbortController();
  for (let attempt = 1; ; attempt += 1) {
    try {
      // A copy: a function that changes its record must not change what others get.
      const own: unknown = structuredClone(record);
      const answer: unknown = await call(own, { attempt, signal, sleep: () => Promise.resolve() });
      return { answer, attempts: attempt };
    } catch (caught) {
      const isLast = attempt >= (retry?.maxAttempts ?? 1);
      const error = caught instanceof Error ? caught : new Error(String(caught));
      if (isLast || retry?.retryOn?.(caught, attempt) === false)
        return { error, attempts: attempt };
    }
  }
}

function toArray(answer: unknown): readonly unknown[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is not iterable throws
  return [...(answer as Iterable<unknown>)];
}
