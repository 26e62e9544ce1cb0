import type { SourceConnector } from "millrace";

const batchSize = 2_048;

/** Returns a source of the numbers from 0 on, as fast as they are taken; a position is a number. */
export function numbers({ count }: { readonly count: number }): SourceConnector<number> {
  return {
    connector: "bench-numbers",
    options: { count },
    canReplay: true,
    discover: () => Promise.resolve([{ id: "all", descriptor: null }]),
    createReader: () => ({
      open: (_split, position) => {
        let next = typeof position === "number" ? position : 0;
        return Promise.resolve({
          nextBatch: () => {
            const first = next;
            next = Math.min(count, first + batchSize);
            if (first === next) return Promise.resolve(undefined);
            const records = Array.from({ length: next - first }, (_, index) => first + index);
            return Promise.resolve({ records, positionAt: (index) => first + index });
          },
          close: () => Promise.resolve(),
        });
      },
    }),
  };
}
