import type { Clock, JsonValue } from "@millrace/core";
import { sleep } from "@millrace/core";
import type { SinkConnector, SourceConnector } from "@millrace/graph";

export interface TestRecord {
  readonly key: string;
  readonly atMs: number;
  readonly value: number;
}

/** Returns a replayable source over records in memory, in batches. */
export function testSource(
  splits: readonly (readonly TestRecord[])[],
  options: { readonly batchSize?: number; readonly openDelayMs?: number } = {},
): SourceConnector<TestRecord> {
  const { batchSize = 7, openDelayMs = 1 } = options;
  return {
    connector: "test",
    options: { splitCount: splits.length },
    canReplay: true,
    discover: () =>
      Promise.resolve(
        splits.map((records, index) => ({
          id: `split-${index}`,
          descriptor: index,
          lowerBoundMs: records.reduce((least, { atMs }) => Math.min(least, atMs), Infinity),
        })),
      ),
    createReader: ({ clock }) => ({
      open: async (split, position) => {
        await sleep(clock, openDelayMs);
        return handleOf(splits[Number(split.descriptor)] ?? [], {
          start: Number(position ?? 0),
          batchSize,
          clock,
        });
      },
    }),
  };
}

function handleOf(
  records: readonly TestRecord[],
  { start, batchSize, clock }: { start: number; batchSize: number; clock: Clock },
): Awaited<ReturnType<ReturnType<SourceConnector<TestRecord>["createReader"]>["open"]>> {
  let next = start;
  return {
    nextBatch: async () => {
      await sleep(clock, 1);
      const first = next;
      const batch = records.slice(first, first + batchSize);
      next += batch.length;
      if (batch.length === 0) return undefined;
      return { records: batch, positionAt: (index): JsonValue => first + index };
    },
    close: () => Promise.resolve(),
  };
}

/** The target of test sinks; it outlives slots. */
export class TestTarget {
  readonly published: Map<string, readonly unknown[]> = new Map();
  readonly #staged = new Map<string, readonly unknown[]>();
  /** Everything written, published or not. */
  readonly written: unknown[] = [];
  /** Bytes that a writer claims to hold back. */
  heldBackBytes = 0;
  flushCount = 0;
  /** That of writers; they have none unless it is set. */
  close: (() => Promise<void>) | undefined;

  records(): readonly unknown[] {
    return [...this.published.values()].flat();
  }

  connector(): SinkConnector<unknown> {
    return {
      connector: "test",
      options: {},
      guarantee: "exactly-once",
      createWriter: () => {
        const { close } = this;
        let buffer: unknown[] = [];
        return {
          write: (record) => {
            buffer.push(record);
            this.written.push(record);
          },
          bufferedBytes: () => this.heldBackBytes,
          flush: () => {
            this.flushCount += 1;
            this.heldBackBytes = 0;
            return Promise.resolve();
          },
          prepare: (id) => {
            const name = `${id.operatorName}-${id.subtaskIndex}-${id.attempt}-${id.checkpointId}`;
            this.#staged.set(JSON.stringify(name), buffer);
            const isEmpty = buffer.length === 0;
            buffer = [];
            return Promise.resolve(isEmpty ? undefined : name);
          },
          publish: (committable) => {
            const name = JSON.stringify(committable);
            this.published.set(name, this.#staged.get(name) ?? this.published.get(name) ?? []);
            return Promise.resolve();
          },
          removeOrphans: () => Promise.resolve(),
          ...(close === undefined ? {} : { close: () => close() }),
        };
      },
    };
  }
}
