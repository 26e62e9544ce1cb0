import { silentLogger } from "@millrace/core";
import { NexmarkGenerator, nexmarkSource, type NexmarkEvent } from "@millrace/nexmark";
import { createMemoryDisk, createNodeClock } from "@millrace/platform";

import type { Benchmark } from "../report/benchmark.ts";
import { fromLines, type BenchLine } from "../report/from-lines.ts";
import { medianOf } from "../report/statistics.ts";

/** So that what a job costs is the job, not its input. */
const bidGoalNs = 300;
/** As many as a source's batch holds live on for a while. */
const keptCount = 1_024;

interface Case {
  readonly name: string;
  readonly atMost?: number;
  /** Makes that many events and returns how many there were. */
  readonly make: (count: number) => number | Promise<number>;
}

/**
 * `pnpm bench nexmark-generator`: CPU nanoseconds an event, garbage collection included; medians of rounds in
 * turn. What jobs over these events cost has to be seen beside it.
 */
export const nexmarkGenerator: Benchmark = fromLines({
  name: "nexmark-generator",
  summary: "what making an event of Nexmark costs, by kind and in batches of a source",
  measure: measureAll,
});

async function* measureAll(isQuick: boolean): AsyncGenerator<BenchLine> {
  const rounds = isQuick ? 3 : 9;
  const count = isQuick ? 200_000 : 2_000_000;
  const cases = createCases();
  const costs = cases.map((): number[] => []);
  for (const one of cases) await measure(one, count);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, one] of cases.entries()) costs[index]?.push(await measure(one, count));
  }
  for (const [index, { name, atMost }] of cases.entries()) {
    const value = medianOf(costs[index] ?? []);
    yield { name, value, unit: "ns", ...(atMost === undefined ? {} : { atMost }) };
  }
}

function createCases(): readonly Case[] {
  const generator = new NexmarkGenerator();
  return [
    { name: "bid", atMost: bidGoalNs, make: (count) => makeKind(generator, count, bidNumber) },
    { name: "auction", make: (count) => makeKind(generator, count, (index) => index * 50 + 1) },
    { name: "person", make: (count) => makeKind(generator, count, (index) => index * 50) },
    { name: "event, 1:3:46", make: (count) => makeKind(generator, count, (index) => index) },
    { name: "event of a source, 1:3:46", make: readSource },
  ];
}

/** The numbers of bids, in their order. */
function bidNumber(index: number): number {
  const round = Math.floor(index / 46);
  return round * 50 + 4 + (index - round * 46);
}

function makeKind(
  generator: NexmarkGenerator,
  count: number,
  numberOf: (index: number) => number,
): number {
  const kept: NexmarkEvent[] = [];
  let made = 0;
  for (let index = 0; index < count; index += 1) {
    const event = generator.event(numberOf(index));
    kept[index % keptCount] = event;
    if (event.dateTime > 0) made += 1;
  }
  return made;
}

async function readSource(events: number): Promise<number> {
  const context = {
    jobId: "bench",
    operatorName: "events",
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    disk: createMemoryDisk(),
    clock: createNodeClock(),
    logger: silentLogger,
  };
  const source = nexmarkSource({ events });
  const [split] = await source.discover(context);
  if (split === undefined) throw new Error("the source has no split");
  const handle = await source.createReader(context).open(split, undefined);
  let read = 0;
  for (
    let batch = await handle.nextBatch();
    batch !== undefined;
    batch = await handle.nextBatch()
  ) {
    read += batch.records.length;
  }
  return read;
}

async function measure({ name, make }: Case, count: number): Promise<number> {
  const start = process.cpuUsage();
  const made = await make(count);
  const { user, system } = process.cpuUsage(start);
  if (made !== count) throw new Error(`${name}: ${made} events where ${count} were asked for`);
  return ((user + system) * 1_000) / count;
}
