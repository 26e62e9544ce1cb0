import { deepStrictEqual } from "node:assert/strict";

import type { Benchmark } from "../report/benchmark.ts";
import { fromLines, type BenchLine } from "../report/from-lines.ts";
import { medianOf } from "../report/statistics.ts";
import { createBatchCodec, createRowCodec, type ChannelCodec } from "./codecs.ts";
import { makeCorpora, type Corpus } from "./corpora.ts";

const frameBytes = 128 * 1024;
/** What a bid costs in the prototype: `figures.md`. */
const bidGoals = { encode: 240, decode: 108 };

interface Cost {
  readonly encodeNs: number;
  readonly decodeNs: number;
  readonly bytes: number;
}

/**
 * `pnpm bench codec`: encode and decode in CPU nanoseconds and bytes, by the batch codec and row by row
 * in the self-describing format, in turn; medians of rounds. Each round checks its records.
 */
export const codec: Benchmark = fromLines({
  name: "codec",
  summary: "what a record costs between two subtasks without the socket, by corpus",
  measure: measureAll,
});

async function* measureAll(isQuick: boolean): AsyncGenerator<BenchLine> {
  const rounds = isQuick ? 3 : 9;
  const passes = isQuick ? 50 : 125;
  for (const corpus of makeCorpora()) {
    const codecs = [createRowCodec(), createBatchCodec()];
    const costs = codecs.map(() => new Array<Cost>());
    for (const one of codecs) {
      checkRoundTrip(one, corpus);
      measure(one, corpus, passes);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, one] of codecs.entries()) {
        costs[index]?.push(measure(one, corpus, passes));
      }
      // Others get their turn between rounds.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [index, one] of codecs.entries()) {
      yield* linesOf(corpus, one, costs[index] ?? []);
    }
  }
}

function linesOf(
  corpus: Corpus,
  { name: codecName }: ChannelCodec,
  costs: readonly Cost[],
): readonly BenchLine[] {
  const name = `${corpus.name}, ${codecName}`;
  const encodeNs = medianOf(costs.map((cost) => cost.encodeNs));
  const decodeNs = medianOf(costs.map((cost) => cost.decodeNs));
  const isJudged = corpus.name === "bids" && codecName === "batch";
  const judge = (limit: number): Partial<BenchLine> => (isJudged ? { atMost: limit } : {});
  return [
    { name: `${name}: encode`, value: encodeNs, unit: "ns", ...judge(bidGoals.encode) },
    { name: `${name}: decode`, value: decodeNs, unit: "ns", ...judge(bidGoals.decode) },
    { name: `${name}: size`, value: medianOf(costs.map((cost) => cost.bytes)), unit: "bytes" },
  ];
}

function measure(codec: ChannelCodec, corpus: Corpus, passes: number): Cost {
  let encodeMicros = 0;
  let decodeMicros = 0;
  let bytes = 0;
  let sum = 0;
  const consume = (value: unknown, timestampMs: number, hash: number): void => {
    sum += hash + (value === undefined ? 1 : 0) + (timestampMs > 0 ? 1 : 0);
  };
  for (let pass = 0; pass < passes; pass += 1) {
    const start = process.cpuUsage();
    const frames = encodeAll(codec, corpus);
    const middle = process.cpuUsage();
    for (const frame of frames) codec.drain(frame, consume);
    const end = process.cpuUsage(middle);
    encodeMicros += middle.user + middle.system - start.user - start.system;
    decodeMicros += end.user + end.system;
    bytes += frames.reduce((total, frame) => total + frame.length, 0);
  }
  if (Number.isNaN(sum)) throw new Error("a record is lost");
  const recordCount = corpus.records.length * passes;
  return {
    encodeNs: (encodeMicros * 1_000) / recordCount,
    decodeNs: (decodeMicros * 1_000) / recordCount,
    bytes: bytes / recordCount,
  };
}

function encodeAll(
  codec: ChannelCodec,
  { records, isTimeConstant }: Corpus,
): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let index = 0; index < records.length; index += 1) {
    codec.append(records[index], isTimeConstant ? -Infinity : 1_700_000_000_000 + index, index);
    if (codec.sizeBytes() >= frameBytes) frames.push(codec.take());
  }
  frames.push(codec.take());
  return frames;
}

function checkRoundTrip(codec: ChannelCodec, corpus: Corpus): void {
  const read: unknown[] = [];
  for (const frame of encodeAll(codec, corpus)) codec.drain(frame, (value) => read.push(value));
  deepStrictEqual(read, corpus.records);
}
