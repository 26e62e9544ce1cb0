/*
 * `node --conditions=@millrace/source test/bench/codec.ts [--quick]`: what a record costs between two
 * subtasks without the socket: encode and decode in CPU nanoseconds and bytes, by the batch codec and
 * row by row in the self-describing format, in turn; medians of rounds. Each round checks its records.
 */
import { deepStrictEqual } from "node:assert/strict";
import { parseArgs } from "node:util";

import { formatLine, medianOf, type BenchLine } from "./bench-line.ts";
import { createBatchCodec, createRowCodec, type ChannelCodec } from "./codec/codecs.ts";
import { makeCorpora, type Corpus } from "./codec/corpora.ts";

const frameBytes = 128 * 1024;
/** What a bid costs in the prototype: `figures.md`. */
const bidGoals = { encode: 240, decode: 108 };

interface Cost {
  readonly encodeNs: number;
  readonly decodeNs: number;
  readonly bytes: number;
}

/** Returns the costs by corpus and codec, and what the batch codec saves. */
export async function run(options: { readonly isQuick: boolean }): Promise<readonly BenchLine[]> {
  const rounds = options.isQuick ? 3 : 9;
  const passes = options.isQuick ? 50 : 125;
  const lines: BenchLine[] = [];
  for (const corpus of makeCorpora()) {
    const codecs = [createRowCodec(), createBatchCodec()];
    const costs = codecs.map(() => new Array<Cost>());
    for (const codec of codecs) {
      checkRoundTrip(codec, corpus);
      measure(codec, corpus, passes);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, codec] of codecs.entries()) {
        costs[index]?.push(measure(codec, corpus, passes));
      }
      // Others get their turn between rounds.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [index, codec] of codecs.entries()) {
      lines.push(...linesOf(corpus, codec, costs[index] ?? []));
    }
  }
  return lines;
}

function linesOf(
  corpus: Corpus,
  codec: ChannelCodec,
  costs: readonly Cost[],
): readonly BenchLine[] {
  const name = `${corpus.name}, ${codec.name}`;
  const encodeNs = medianOf(costs.map((cost) => cost.encodeNs));
  const decodeNs = medianOf(costs.map((cost) => cost.decodeNs));
  const isJudged = corpus.name === "bids" && codec.name === "batch";
  const judge = (value: number, limit: number): Partial<BenchLine> =>
    isJudged ? { goal: `<= ${limit}`, isMet: value <= limit } : {};
  return [
    { name: `${name}: encode`, value: encodeNs, unit: "ns", ...judge(encodeNs, bidGoals.encode) },
    { name: `${name}: decode`, value: decodeNs, unit: "ns", ...judge(decodeNs, bidGoals.decode) },
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

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  for (const line of await run({ isQuick: values.quick }))
    process.stdout.write(`${formatLine(line)}\n`);
}
