import {
  assert,
  ByteReader,
  ByteWriter,
  decodeFailed,
  StreamError,
  ValueReader,
  ValueWriter,
} from "@millrace/core";

import type { ConsumeRecord, RecordBatch } from "./contract.ts";
import { frameHeaderBytes, frameKinds, patchFrameHeader } from "./frame.ts";
import { maxRecordsFrameBytes, type ExchangeOptions } from "./options.ts";

/**
 * Records in a frame: count (u32), flags (u8; bit 0: hashes), then for each record its value in
 * core's format, the key's hash (i32) on hash edges, and its timestamp (f64). The dictionary of
 * shapes begins anew in each frame.
 */
const batchHeadBytes = 5;
const hashFlag = 1;

/** What collects a channel's records until they leave. */
export interface RecordBuffer {
  readonly recordCount: number;
  readonly sizeBytes: number;
  /** Throws `record-not-encodable`, `record-too-large`; takes nothing more after the latter. */
  append(value: unknown, timestampMs: number, hash: number): void;
}

/** Encodes records into one buffer, which is used again for each frame. */
export class RecordWriter implements RecordBuffer {
  recordCount = 0;
  readonly #out: ByteWriter;
  readonly #values: ValueWriter;
  readonly #hasHash: boolean;
  readonly #maxRecordBytes: number;

  constructor(options: ExchangeOptions, hasHash: boolean) {
    this.#out = new ByteWriter({ limitBytes: maxRecordsFrameBytes(options) + frameHeaderBytes });
    this.#values = new ValueWriter(this.#out);
    this.#hasHash = hasHash;
    this.#maxRecordBytes = options.maxRecordBytes;
    this.#restart();
  }

  get sizeBytes(): number {
    return this.#out.length;
  }

  append(value: unknown, timestampMs: number, hash: number): void {
    const out = this.#out;
    const start = out.length;
    this.#values.write(value);
    if (out.length - start > this.#maxRecordBytes) throw tooLarge(this.#maxRecordBytes);
    if (this.#hasHash) out.u32(hash);
    out.f64(timestampMs);
    this.recordCount += 1;
  }

  /** Returns the records as a whole frame and starts anew. */
  takeFrame(position: { readonly channelNumber: number; readonly sequence: number }): Uint8Array {
    this.#out.patchU32(frameHeaderBytes, this.recordCount);
    patchFrameHeader(this.#out, { kind: frameKinds.records, ...position });
    const frame = this.#out.copy();
    this.#restart();
    return frame;
  }

  /** Returns the records as a frame's payload and starts anew. */
  takePayload(): Uint8Array {
    this.#out.patchU32(frameHeaderBytes, this.recordCount);
    const payload = this.#out.copy(frameHeaderBytes);
    this.#restart();
    return payload;
  }

  #restart(): void {
    this.recordCount = 0;
    this.#values.resetDictionary();
    this.#out.clear();
    for (let offset = 0; offset < frameHeaderBytes + 4; offset += 4) this.#out.u32(0);
    this.#out.u8(this.#hasHash ? hashFlag : 0);
  }
}

/** What decodes the batches of one channel, one after the other. */
export class RecordReader {
  readonly input: ByteReader = new ByteReader();
  readonly values: ValueReader = new ValueReader(this.input);
  /** The batch that it stands in. */
  current: EncodedBatch | undefined;
}

/**
 * The records of one frame, decoded as they are consumed.
 *
 * I1 A batch is drained to its end before the next batch of its channel is begun: they share the
 *    reader, which keeps its place when a drain pauses.
 */
export class EncodedBatch implements RecordBatch {
  readonly recordCount: number;
  readonly #payload: Uint8Array;
  readonly #reader: RecordReader;
  readonly #hasHash: boolean;
  readonly #frameSequence: number;
  /** Records handed out. */
  #index = 0;

  /** Throws `decode-failed` if the payload's head is not one. */
  constructor(payload: Uint8Array, reader: RecordReader, frameSequence: number) {
    const head = new ByteReader(payload);
    this.recordCount = head.u32();
    const flags = head.u8();
    if (flags > hashFlag) throw decodeFailed(`a batch has the unknown flags ${flags}`);
    if (this.recordCount > payload.length) throw decodeFailed("a batch says too many records");
    this.#hasHash = flags === hashFlag;
    this.#payload = payload;
    this.#reader = reader;
    this.#frameSequence = frameSequence;
  }

  drain(consume: ConsumeRecord, shouldPause: () => boolean): boolean {
    const { input, values } = this.#reader;
    if (this.#reader.current !== this) this.#begin();
    while (this.#index < this.recordCount) {
      const value = values.read();
      const hash = this.#hasHash ? input.u32() | 0 : 0;
      const timestampMs = input.f64();
      this.#index += 1;
      consume(value, timestampMs, hash);
      if (shouldPause()) break;
    }
    if (this.#index < this.recordCount) return false;
    if (input.remaining > 0) throw decodeFailed("bytes follow the last record of a batch");
    return true;
  }

  position(): { readonly frameSequence: number; readonly recordIndex: number } {
    return { frameSequence: this.#frameSequence, recordIndex: Math.max(0, this.#index - 1) };
  }

  #begin(): void {
    assert(this.#index === 0, "a batch is drained before the next one of its channel");
    this.#reader.input.reset(this.#payload);
    this.#reader.input.seek(batchHeadBytes);
    this.#reader.values.resetDictionary();
    this.#reader.current = this;
  }
}

function tooLarge(limitBytes: number): StreamError {
  const message = `a record needs more than ${limitBytes} bytes: make it smaller`;
  return new StreamError("record-too-large", message, { domain: "user", retry: "never" });
}
