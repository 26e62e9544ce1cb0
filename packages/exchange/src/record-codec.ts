import {
  assert,
  BatchCode,
  BatchReader,
  BatchWriter,
  parseBatchHead,
  type BatchHead,
  type DrainPace,
  type LookAhead,
} from "@millrace/core";

import type { ConsumeRecord, RecordBatch } from "./contract.ts";
import type { FrameMemory } from "./frame-memory.ts";
import { frameHeaderBytes, frameKinds, writeFrameHeader } from "./frame.ts";
import { maxRecordsFrameBytes, type ExchangeOptions } from "./options.ts";

/** What collects a channel's records until they leave. */
export interface RecordBuffer {
  readonly recordCount: number;
  readonly sizeBytes: number;
  /** Throws `record-not-encodable`, `record-too-large`; takes nothing more after the latter. */
  append(value: unknown, timestampMs: number, hash: number): void;
}

/** Encodes records as core's batches, each a frame's payload. */
export class RecordWriter implements RecordBuffer {
  readonly #batch: BatchWriter;

  constructor(options: ExchangeOptions, hasHash: boolean) {
    this.#batch = new BatchWriter({
      hasHash,
      maxRecordBytes: options.maxRecordBytes,
      limitBytes: maxRecordsFrameBytes(options),
    });
  }

  get recordCount(): number {
    return this.#batch.recordCount;
  }

  get sizeBytes(): number {
    return this.#batch.sizeBytes;
  }

  append(value: unknown, timestampMs: number, hash: number): void {
    this.#batch.append(value, timestampMs, hash);
  }

  /** Returns the records as a whole frame and starts anew. */
  takeFrame(
    position: { readonly channelNumber: number; readonly sequence: number },
    { memory, isGuarded }: { readonly memory: FrameMemory; readonly isGuarded: boolean },
  ): Uint8Array {
    const frame = this.#batch.take(frameHeaderBytes, (sizeBytes) => memory.take(sizeBytes));
    writeFrameHeader(frame, { kind: frameKinds.records, ...position }, { isGuarded });
    return frame;
  }

  /** Returns what a record takes, as a batch of its own; forgets it, and what was appended before. */
  measure(value: unknown): number {
    try {
      this.#batch.append(value, 0, 0);
      return this.#batch.sizeBytes;
    } finally {
      this.#batch.clear();
    }
  }

  /** Returns the records as a frame's payload and starts anew. */
  takePayload(memory: FrameMemory): Uint8Array {
    return this.#batch.take(0, (sizeBytes) => memory.take(sizeBytes));
  }
}

/** What decodes the batches of one channel, one after the other. */
export class RecordReader {
  readonly batch: BatchReader;
  /** The batch that it stands in. */
  current: EncodedBatch | undefined;

  /** Channels to one consumer share the code that is generated for their records. */
  constructor(code: BatchCode = new BatchCode()) {
    this.batch = new BatchReader(code);
  }
}

/**
 * The records of one frame, decoded as they are consumed.
 *
 * I1 A batch is drained to its end before the next batch of its channel is begun: they share the
 *    reader, which keeps its place when a drain pauses.
 */
export class EncodedBatch implements RecordBatch {
  readonly #payload: Uint8Array;
  readonly #head: BatchHead;
  readonly #reader: RecordReader;
  readonly #frameSequence: number;
  #state: "new" | "begun" | "used up" = "new";

  /** Throws `decode-failed` if the payload's head is not one. */
  constructor(payload: Uint8Array, reader: RecordReader, frameSequence: number) {
    this.#head = parseBatchHead(payload);
    this.#payload = payload;
    this.#reader = reader;
    this.#frameSequence = frameSequence;
  }

  get recordCount(): number {
    return this.#head.recordCount;
  }

  drain(consume: ConsumeRecord, pace: DrainPace, lookAhead?: LookAhead): boolean {
    if (this.#state === "used up") return true;
    if (this.#reader.current !== this) this.#begin();
    if (!this.#reader.batch.drain(consume, pace, lookAhead)) return false;
    this.#state = "used up";
    return true;
  }

  position(): { readonly frameSequence: number; readonly recordIndex: number } {
    const index = this.#reader.current === this ? this.#reader.batch.index : 0;
    return { frameSequence: this.#frameSequence, recordIndex: Math.max(0, index - 1) };
  }

  #begin(): void {
    assert(this.#state === "new", "a batch is drained before the next one of its channel");
    this.#state = "begun";
    this.#reader.current = this;
    this.#reader.batch.begin(this.#payload, this.#head);
  }
}
