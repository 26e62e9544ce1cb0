import { ByteReader } from "../byte-reader.ts";
import type { BatchColumns } from "./batch-columns.ts";
import type { DrainPace, LookAhead } from "./drain-pace.ts";
import { drainMixedSource, drainSource, readSource, type BatchKind } from "./reader-source.ts";
import { parseSchema } from "./schema-codec.ts";

/** Takes a record: its value, its timestamp, and the hash of its key, 0 without hashes. */
export type ConsumeBatchRecord = (value: unknown, timestampMs: number, hash: number) => void;
export type DrainBatch = (
  consume: ConsumeBatchRecord,
  pace: DrainPace,
  lookAhead: LookAhead,
) => boolean;
export type ReadValue = () => unknown;
export type DrainMixedBatch = (
  drained: {
    readonly consume: ConsumeBatchRecord;
    readonly pace: DrainPace;
    readonly lookAhead: LookAhead;
  },
  readers: readonly ReadValue[],
  shapes: Uint8Array,
) => boolean;

type Bind<Code> = (columns: BatchColumns) => Code;

/** More code than this is not kept: it starts anew. */
const maxFunctions = 512;

/**
 * The generated readers of batches whose records all go to one consumer: channels of one edge into
 * one subtask share it, so that a shape is compiled once for them. Bounded: 512 functions.
 */
export class BatchCode {
  readonly #drains = new Map<string, Bind<DrainBatch>>();
  readonly #reads = new Map<string, Bind<ReadValue>>();
  readonly #mixedDrains = new Map<string, Bind<DrainMixedBatch>>();

  /** Throws `decode-failed` if the bytes are no shape. */
  drain(shape: Uint8Array, kind: BatchKind, columns: BatchColumns): DrainBatch {
    const key = kindKey(kind) + latin1Of(shape);
    const bind = find(this.#drains, key, () =>
      compile<Bind<DrainBatch>>(drainSource(parseSchema(new ByteReader(shape)), kind)),
    );
    return bind(columns);
  }

  /** Throws `decode-failed` if the bytes are no shape. */
  read(shape: Uint8Array, columns: BatchColumns): ReadValue {
    const bind = find(this.#reads, latin1Of(shape), () =>
      compile<Bind<ReadValue>>(readSource(parseSchema(new ByteReader(shape)))),
    );
    return bind(columns);
  }

  drainMixed(kind: BatchKind, columns: BatchColumns): DrainMixedBatch {
    const bind = find(this.#mixedDrains, kindKey(kind), () =>
      compile<Bind<DrainMixedBatch>>(drainMixedSource(kind)),
    );
    return bind(columns);
  }
}

function find<Code>(known: Map<string, Code>, key: string, make: () => Code): Code {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  if (known.size >= maxFunctions) known.clear();
  known.set(key, made);
  return made;
}

function compile<Code>(body: string): Code {
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- our own templates, data enters through JSON.stringify only
  return new Function("columns", body) as Code;
}

function kindKey({ isTimeConstant, hasHash }: BatchKind): string {
  return (isTimeConstant ? "c" : "t") + (hasHash ? "h" : "-");
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
