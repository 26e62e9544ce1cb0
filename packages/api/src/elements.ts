import {
  findNonJson,
  invalidJob,
  isJson,
  type SourceConnector,
  type SplitDescriptor,
  type SplitHandle,
} from "@millrace/graph";

const maxElements = 10_000;
const batchSize = 512;

/**
 * Returns a source of given values, for tests and first jobs; can be replayed. The values go into
 * the plan, so they are plain JSON and at most 10,000; else throws `job-module-invalid`. Pace it
 * with the source's `rateLimit`.
 */
export function elements<T>(values: readonly T[]): SourceConnector<T> {
  // Under the wider type, so that the check narrows this name alone.
  const options: unknown = { values };
  if (!isJson(options)) {
    const problem = findNonJson(values) ?? "it is not";
    throw invalidJob(`elements(...) takes plain JSON values, but ${problem}: give plain values`);
  }
  if (values.length > maxElements) {
    throw invalidJob(
      `elements(...) got ${values.length} values, more than ${maxElements}: read them from a file instead`,
    );
  }
  return {
    connector: "elements",
    options,
    canReplay: true,
    discover: () => Promise.resolve([{ id: "all", descriptor: null }]),
    createReader: () => ({
      open: (_split: SplitDescriptor, position) =>
        Promise.resolve(openAt(values, typeof position === "number" ? position : 0)),
    }),
  };
}

function openAt<T>(values: readonly T[], position: number): SplitHandle<T> {
  let next = position;
  return {
    nextBatch() {
      const start = next;
      next = Math.min(start + batchSize, values.length);
      if (start >= values.length) return Promise.resolve(undefined);
      // Copies, so that a function that changes its record does not change the next attempt's.
      const records = values.slice(start, next).map((value) => structuredClone(value));
      return Promise.resolve({ records, positionAt: (index) => start + index });
    },
    close: () => Promise.resolve(),
  };
}
