import { assert, sleep, StreamError } from "@millrace/core";
import type {
  ConnectorContext,
  SinkConnector,
  SinkTransactionId,
  SinkWriter,
  SourceConnector,
  SourceReader,
  SplitDescriptor,
} from "@millrace/graph";

import type { ReadProgress } from "./read-progress.ts";

/** A record of the simulation's inputs: small, with an identity that no other record has. */
export interface SimRecord {
  readonly id: number;
  readonly key: string;
  readonly atMs: number;
  readonly amount: number;
}

export interface SimSourceInput<T> {
  /** Records by split, in the order of reading. */
  readonly splits: readonly (readonly T[])[];
  readonly batchSize: number;
  /** Gives the splits their lower bounds; absent where records have no event time. */
  readonly timestamp?: ((record: T) => number) | undefined;
  /** Whether its splits have no end: who has read one waits for more, in vain. Not unless set. */
  readonly isEndless?: boolean;
  /** Each split appears so much later than the one before. All are there at once unless set. */
  readonly appearsAfterMs?: number;
  /** Is told what was read; where that matters. */
  readonly progress?: ReadProgress;
}

const waitMs = 50;
const rediscoverMs = 400;

/** Returns a replayable source over records in memory. */
export function createSimSource<T>(input: SimSourceInput<T>): SourceConnector<T> {
  return {
    connector: "sim",
    options: { splitCount: input.splits.length, batchSize: input.batchSize },
    canReplay: true,
    ...(input.isEndless === true ? { isBounded: false } : {}),
    ...(input.appearsAfterMs === undefined ? {} : { rediscoverMs }),
    discover: ({ clock }) => {
      const isThere = (index: number): boolean =>
        index * (input.appearsAfterMs ?? 0) <= clock.monotonicMs();
      const splits = input.splits.map((_records, index) => describeSplit(input, index));
      return Promise.resolve(splits.filter((_split, index) => isThere(index)));
    },
    createReader: (context) => createSimReader(input, context),
  };
}

function splitIdOf(index: number): string {
  return `split-${index}`;
}

function describeSplit<T>(
  { splits, timestamp = () => Number.NaN }: SimSourceInput<T>,
  index: number,
): SplitDescriptor {
  let lowerBoundMs = Infinity;
  for (const record of splits[index] ?? [])
    lowerBoundMs = Math.min(lowerBoundMs, timestamp(record));
  return {
    id: splitIdOf(index),
    descriptor: { index },
    ...(Number.isFinite(lowerBoundMs) ? { lowerBoundMs } : {}),
  };
}

function createSimReader<T>(input: SimSourceInput<T>, context: ConnectorContext): SourceReader<T> {
  const { clock } = context;
  return {
    async open(split, position) {
      const onRead = input.progress?.onOpened(context, split.id);
      await sleep(clock, 1);
      const records = input.splits[Number(split.id.slice("split-".length))] ?? [];
      let next = Number(position ?? 0);
      let isAtEnd = false;
      let emptyBatchCount = 0;
      return {
        async nextBatch() {
          await sleep(clock, 1);
          if (next >= records.length) {
            isAtEnd = true;
            if (input.isEndless !== true) return undefined;
            // One batch is read ahead: whoever asks again has had the last one.
            emptyBatchCount += 1;
            if (emptyBatchCount > 1) onRead?.();
            await sleep(clock, waitMs);
            return { records: [], positionAt: () => next };
          }
          const start = next;
          // Copies: a function that changes its record must not change the next attempt's.
          const batch = records
            .slice(start, start + input.batchSize)
            .map((record) => structuredClone(record));
          next += batch.length;
          return { records: batch, positionAt: (index) => start + index };
        },
        close() {
          if (isAtEnd) onRead?.();
          return Promise.resolve();
        },
      };
    },
  };
}

interface StagedTransaction {
  readonly id: SinkTransactionId;
  readonly records: readonly unknown[];
}

/** Called before a transaction becomes visible; throws when it must not (S13). */
type PublishGuard = (transaction: SinkTransactionId) => void;

/**
 * The target of simulated two-phase sinks; it outlives every process, like a file system.
 * Publishing twice is once: the transaction's id decides.
 */
export class SimSinkTarget {
  readonly #staged = new Map<string, StagedTransaction>();
  readonly #published = new Map<string, StagedTransaction>();
  guardPublish: PublishGuard = () => {};

  stage(transaction: StagedTransaction): string {
    const name = nameOf(transaction.id);
    this.#staged.set(name, transaction);
    return name;
  }

  /** The name is what `stage` gave; under another id the same records appear a second time. */
  publish(name: string, id: SinkTransactionId): void {
    const publishedName = nameOf(id);
    if (this.#published.has(publishedName)) return;
    const staged = this.#staged.get(name) ?? this.#published.get(name);
    if (staged === undefined) {
      throw new StreamError("sink-failed", `transaction ${name} is not staged`, {
        domain: "external",
        retry: "never",
      });
    }
    this.guardPublish(staged.id);
    this.#published.set(publishedName, staged);
    this.#staged.delete(name);
  }

  /** Removes what attempts before this one staged and never committed. */
  removeOrphans({ jobId, operatorName, attempt }: ConnectorContext): void {
    for (const [name, { id }] of this.#staged) {
      const isOwn = id.jobId === jobId && id.operatorName === operatorName;
      if (isOwn && id.attempt < attempt) this.#staged.delete(name);
    }
  }

  /** What readers of the target see of one sink. */
  publishedRecords(operatorName: string): readonly unknown[] {
    return [...this.#published.values()]
      .filter(({ id }) => id.operatorName === operatorName)
      .flatMap(({ records }) => records);
  }

  publishedCount(): number {
    return this.#published.size;
  }
}

/** Returns a two-phase sink into the target. */
export function createSimSink(target: SimSinkTarget): SinkConnector<unknown> {
  return {
    connector: "sim",
    options: {},
    guarantee: "exactly-once",
    createWriter: (context) => createSimWriter(target, context),
  };
}

function createSimWriter(target: SimSinkTarget, context: ConnectorContext): SinkWriter<unknown> {
  let buffer: unknown[] = [];
  const { clock } = context;
  return {
    write: (record) => void buffer.push(structuredClone(record)),
    bufferedBytes: () => 0,
    flush: () => Promise.resolve(),
    async prepare(id) {
      const records = buffer;
      buffer = [];
      if (records.length === 0) return undefined;
      await sleep(clock, 2);
      return target.stage({ id, records });
    },
    async publish(committable, id) {
      await sleep(clock, 2);
      assert(typeof committable === "string", "a committable of the sim sink is a name");
      target.publish(committable, id);
    },
    async removeOrphans() {
      await sleep(clock, 2);
      target.removeOrphans(context);
    },
  };
}

function nameOf(id: SinkTransactionId): string {
  return `${id.jobId}/${id.operatorName}-${id.subtaskIndex}-${id.attempt}-${id.checkpointId}`;
}
