import { ByteWriter } from "../byte-writer.ts";
import { maxBatchShapes, maxSchemaFields, maxSchemaNodes } from "./batch-format.ts";
import type { BatchStreams } from "./batch-streams.ts";
import { encodeSchema } from "./schema-codec.ts";
import { anySchema, countNodes, hasAny, inferSchema, mergeSchemas, type Schema } from "./schema.ts";
import { writerSource } from "./writer-source.ts";

/** Appends the value and returns true, or appends nothing and returns false. */
type AppendValue = (value: unknown) => boolean;

/** One shape of records and the code for it. */
export interface RecordShape {
  readonly schema: Schema;
  readonly append: AppendValue;
  readonly hasAny: boolean;
  /** As it stands in a batch. */
  readonly encoded: Uint8Array;
  /** Its number in the current batch; -1 if it is not in it. */
  indexInBatch: number;
}

/** Records of one signature before code is generated for them: one-off shapes are not worth it. */
const usesBeforeCompiling = 4;
/** How often code is generated for a signature, wider each time; then it goes the fallback's way. */
const maxCompilations = 16;
/** Signatures that are remembered; then the memory of those without code starts anew. */
const maxCandidates = 256;
/** Records without learning after that: where names are data, it would be for nothing again. */
const pauseAfterForgetting = 4_096;

interface Candidate {
  schema: Schema;
  useCount: number;
  compilationCount: number;
  shape: RecordShape | undefined;
}

/**
 * The shapes that a writer generated code for, over batches. Records are told apart by their kind,
 * objects by the names of their fields; a shape is widened when a record of its signature does not
 * fit. Bounded: 63 shapes, 256 candidates, code generated 16 times for each.
 */
export class WriterShapeTable {
  readonly fallback: RecordShape;
  readonly #streams: BatchStreams;
  readonly #candidates = new Map<string, Candidate>();
  #known: RecordShape[] = [];
  /** Records that are not learnt from. */
  #pauseCount = 0;

  constructor(streams: BatchStreams) {
    this.#streams = streams;
    this.fallback = this.#compile(anySchema);
  }

  get known(): readonly RecordShape[] {
    return this.#known;
  }

  /** Returns a new shape that holds the value, not adopted yet; undefined: the fallback's matter. */
  learn(value: unknown): RecordShape | undefined {
    if (this.#pauseCount > 0) {
      this.#pauseCount -= 1;
      return undefined;
    }
    const signature = signatureOf(value);
    if (signature === undefined) return undefined;
    const candidate = this.#candidate(signature);
    if (candidate.compilationCount >= maxCompilations) return undefined;
    candidate.schema = widen(candidate.useCount === 0 ? undefined : candidate.schema, value);
    candidate.useCount += 1;
    if (candidate.schema.kind === "any") {
      // For good: there is nothing wider.
      candidate.compilationCount = maxCompilations;
      return undefined;
    }
    const isObject = typeof value === "object" && value !== null;
    if (isObject && candidate.useCount < usesBeforeCompiling) return undefined;
    if (candidate.shape === undefined && this.#known.length >= maxBatchShapes - 1) return undefined;
    candidate.compilationCount += 1;
    return this.#compile(candidate.schema);
  }

  /** Keeps a shape that took a value, instead of the narrower one of the same signature. */
  adopt(shape: RecordShape): void {
    for (const candidate of this.#candidates.values()) {
      if (candidate.schema !== shape.schema) continue;
      this.#known = this.#known.filter((other) => other !== candidate.shape);
      candidate.shape = shape;
    }
    this.#known.push(shape);
  }

  #candidate(signature: string): Candidate {
    const known = this.#candidates.get(signature);
    if (known !== undefined) return known;
    if (this.#candidates.size >= maxCandidates) this.#forgetCandidates();
    const made: Candidate = {
      schema: anySchema,
      useCount: 0,
      compilationCount: 0,
      shape: undefined,
    };
    this.#candidates.set(signature, made);
    return made;
  }

  #forgetCandidates(): void {
    for (const [signature, { shape }] of this.#candidates) {
      if (shape === undefined) this.#candidates.delete(signature);
    }
    this.#pauseCount = pauseAfterForgetting;
  }

  #compile(schema: Schema): RecordShape {
    const { body, names } = writerSource(schema);
    // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- our own template, data enters through JSON.stringify only
    const factory = new Function("streams", "names", body) as (
      streams: BatchStreams,
      names: readonly (readonly string[])[],
    ) => AppendValue;
    const bytes = encodeSchema(schema);
    const encoded = new ByteWriter({ initialBytes: bytes.length + 5 });
    encoded.varint(bytes.length);
    encoded.bytes(bytes);
    return {
      schema,
      append: factory(this.#streams, names),
      hasAny: hasAny(schema),
      encoded: encoded.copy(),
      indexInBatch: -1,
    };
  }
}

function widen(schema: Schema | undefined, value: unknown): Schema {
  const inferred = inferSchema(value);
  const widened = schema === undefined ? inferred : mergeSchemas(schema, inferred);
  return countNodes(widened) > maxSchemaNodes ? anySchema : widened;
}

/** Returns what a record's shape is found by; undefined for what has none. */
function signatureOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) {
    return typeof value === "function" || typeof value === "symbol" ? undefined : typeof value;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) {
    const names = Object.keys(value);
    return names.length > maxSchemaFields ? undefined : JSON.stringify(names);
  }
  // oxlint-disable-next-line eslint/no-restricted-globals -- a value's type, not the clock
  return value instanceof Date || value instanceof Uint8Array || Array.isArray(value)
    ? Object.prototype.toString.call(value)
    : undefined;
}
