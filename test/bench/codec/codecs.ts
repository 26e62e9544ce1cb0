import {
  BatchReader,
  BatchWriter,
  ByteReader,
  ByteWriter,
  parseBatchHead,
  unlimitedPace,
  ValueReader,
  ValueWriter,
} from "@millrace/core";

type Consume = (value: unknown, timestampMs: number, hash: number) => void;

/** What the benchmark compares: both ends of a channel without the channel. */
export interface ChannelCodec {
  readonly name: string;
  append(value: unknown, timestampMs: number, hash: number): void;
  sizeBytes(): number;
  take(): Uint8Array;
  drain(bytes: Uint8Array, consume: Consume): void;
}

const limitBytes = 64 * 1024 * 1024;
const pace = unlimitedPace();

export function createBatchCodec(): ChannelCodec {
  const writer = new BatchWriter({ hasHash: true, maxRecordBytes: limitBytes, limitBytes });
  const reader = new BatchReader();
  return {
    name: "batch",
    append: (value, timestampMs, hash) => writer.append(value, timestampMs, hash),
    sizeBytes: () => writer.sizeBytes,
    take: () => writer.take(0),
    drain: (bytes, consume) => {
      reader.begin(bytes, parseBatchHead(bytes));
      reader.drain(consume, pace);
    },
  };
}

/** Row by row in the self-describing format, hash and timestamp behind each value. */
export function createRowCodec(): ChannelCodec {
  const out = new ByteWriter({ limitBytes });
  const writer = new ValueWriter(out);
  const input = new ByteReader();
  const reader = new ValueReader(input);
  return {
    name: "rows",
    append: (value, timestampMs, hash) => {
      writer.write(value);
      out.u32(hash);
      out.f64(timestampMs);
    },
    sizeBytes: () => out.length,
    take: () => {
      const bytes = out.copy();
      out.clear();
      writer.resetDictionary();
      return bytes;
    },
    drain: (bytes, consume) => {
      input.reset(bytes);
      reader.resetDictionary();
      while (input.remaining > 0) {
        const value = reader.read();
        const hash = input.u32() | 0;
        consume(value, input.f64(), hash);
      }
    },
  };
}
