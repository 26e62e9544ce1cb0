import {
  apiVersion,
  type OperatorSpec,
  type StreamGraph,
  type StreamNode,
  type UserFunction,
} from "@millrace/graph";

import { drawAsync, failedTag } from "./jobs/async.ts";
import { drawBreaker } from "./jobs/breaker.ts";
import { addBroadcasts } from "./jobs/broadcast-to-all-keys.ts";
import { drawBroadcast } from "./jobs/broadcast.ts";
import { bucketProcess, oddTag, pairProcess } from "./jobs/buckets.ts";
import { drawEndless } from "./jobs/endless.ts";
import { drawHolders, drawSpread, drawWatermarks } from "./jobs/flow.ts";
import { drawHeldRecords } from "./jobs/held-records.ts";
import { addJoins } from "./jobs/joins.ts";
import { drawKindsOfState } from "./jobs/kinds-of-state.ts";
import { drawMoreWindows } from "./jobs/more-windows.ts";
import { drawPlain } from "./jobs/plain.ts";
import { drawWindowStates } from "./jobs/window-states.ts";
import { drawWindows } from "./jobs/windows.ts";
import { ReadProgress } from "./read-progress.ts";
import type { SeededRandom } from "./seeded-random.ts";
import {
  createSimSink,
  createSimSource,
  type SimRecord,
  type SimSinkTarget,
  type SimSourceInput,
} from "./sim-connectors.ts";

/** A job drawn from a seed: what it runs, and how far its event time may be out of order. */
export interface SimJob {
  readonly graph: StreamGraph;
  readonly recordCount: number;
  /** Of a job without an end: what of its input was read. */
  readonly progress?: ReadProgress;
}

const disorderMs = 400;

/** Returns a job whose output, as a multiset per sink, no interleaving and no fault may change. */
export function drawJob(random: SeededRandom, target: SimSinkTarget): SimJob {
  const builder = new GraphBuilder(random.fork("combining").chance(0.6));
  const draw = random.fork("topology");
  const drawMore = random.fork("side-output");
  const sourceCount = draw.chance(0.3) ? 2 : 1;
  let recordCount = 0;
  const progress = random.fork("endless").chance(0.1) ? new ReadProgress() : undefined;
  const sources = Array.from({ length: sourceCount }, (_, index) => {
    const input = drawInput(random.fork(`input-${index}`), index);
    recordCount += input.splits.flat().length;
    const name = `source-${index}`;
    return builder.add(name, [], {
      kind: "source",
      connector: createSimSource(progress === undefined ? input : endless(input, name, progress)),
      watermarks: drawWatermarks(
        random.fork(`watermarks-${index}`),
        { timestamp, outOfOrdernessMs: disorderMs },
        progress !== undefined,
      ),
      // Slow enough that most faults hit a job that runs.
      rateLimit: Math.max(2, Math.ceil(input.splits.flat().length / (6 + draw.below(16)))),
    });
  });
  let stream =
    sources.length === 1 ? (sources[0] ?? 0) : builder.add("union", sources, { kind: "union" });
  stream = drawStateless(draw, builder, stream);
  const failed: number[] = [];
  // Nothing tells when what waits in an async operator has left it.
  const prompt = stream;
  stream = drawMaybeAsync(random.fork("async"), builder, { stream, failed });
  const flowEnds: number[] = [];
  stream = drawFlow(random.fork("flow"), builder, {
    stream,
    asides: flowEnds,
    other: sources.at(-1) ?? 0,
  });
  const ends = drawStages(draw, builder, stream);
  const [main = stream] = ends;
  if (drawMore.chance(0.3)) ends.push(connect(drawMore, builder, [stream, main]));
  const sides = addSideOutputs(drawMore, builder);
  const held = drawHeldRecords(random.fork("processing-time"), builder, stream);
  const kinds = drawKindsOfState(random.fork("kinds-of-state"), builder, stream);
  const [source = stream] = sources;
  ends.push(...addJoins(random.fork("joins"), builder, { left: stream, right: source }));
  const beside = { left: stream, right: source };
  ends.push(...addBroadcasts(random.fork("broadcasts"), builder, beside));
  const windows = drawWindows(random.fork("windows"), builder, stream);
  const drawMoreEndless = random.fork("endless more");
  const never =
    progress === undefined
      ? []
      : drawEndless(drawMoreEndless, builder, { stream: prompt, progress });
  const more = addMore(random.fork("more"), builder, { stream, other: source });
  const asides = [sides, failed, held, kinds, windows, flowEnds, never, more];
  for (const [index, last] of [...ends, ...asides.flat()].entries()) {
    builder.add(`sink-${index}`, [last], { kind: "sink", connector: createSimSink(target) });
  }
  const graph = builder.finish(draw);
  return { graph, recordCount, ...(progress === undefined ? {} : { progress }) };
}

function drawMaybeAsync(
  draw: SeededRandom,
  builder: GraphBuilder,
  { stream, failed }: { readonly stream: number; readonly failed: number[] },
): number {
  if (!draw.chance(0.3)) return stream;
  const answered = builder.add("async", [stream], drawAsync(draw));
  if (draw.chance(0.7)) {
    failed.push(builder.add("failed", [answered], { kind: "side-output", tag: failedTag }));
  }
  return answered;
}

function drawStateless(draw: SeededRandom, builder: GraphBuilder, first: number): number {
  let stream = first;
  if (draw.chance(0.5)) stream = builder.add("double", [stream], { kind: "map", map: double });
  if (draw.chance(0.4)) stream = builder.add("thin", [stream], { kind: "filter", filter: thin });
  if (draw.chance(0.2)) {
    stream = builder.add("split", [stream], { kind: "flat-map", flatMap: splitAmount });
  }
  return stream;
}

type SimInput = SimSourceInput<SimRecord>;

function endless(input: SimInput, sourceName: string, progress: ReadProgress): SimInput {
  for (const index of input.splits.keys()) progress.expect(sourceName, `split-${index}`);
  return { ...input, isEndless: true, progress };
}

/** What is added to some jobs beside all else. */
function addMore(
  random: SeededRandom,
  builder: GraphBuilder,
  { stream, other }: { readonly stream: number; readonly other: number },
): readonly number[] {
  return [
    ...drawMoreWindows(random.fork("windows"), builder, stream),
    ...drawPlain(random.fork("plain"), builder, { stream, broadcast: other }),
    ...drawBreaker(random.fork("breaker"), builder, stream),
    ...drawWindowStates(random.fork("window-states"), builder, stream),
  ];
}

interface FlowStreams {
  readonly stream: number;
  /** Gets the streams to sink. */
  readonly asides: number[];
  /** May be broadcast beside the stream. */
  readonly other: number;
}

/** Rarely, so that most seeds draw the jobs that they drew before; returns the stream to go on with. */
function drawFlow(
  draw: SeededRandom,
  builder: GraphBuilder,
  { stream, asides, other }: FlowStreams,
): number {
  if (!draw.chance(0.3)) return stream;
  asides.push(...drawHolders(draw, builder, stream));
  asides.push(...drawBroadcast(draw, builder, { records: stream, broadcast: other }));
  return drawSpread(draw, builder, stream);
}

function drawStages(draw: SeededRandom, builder: GraphBuilder, stream: number): number[] {
  const ends = [drawKeyedStage(draw, builder, { stream, name: "first" })];
  if (draw.chance(0.25)) {
    const keyed = { stream: ends[0] ?? 0, name: "second" };
    ends[0] = drawWindow(draw, builder, keyed);
  }
  if (draw.chance(0.25)) ends.push(drawKeyedStage(draw, builder, { stream, name: "side" }));
  if (draw.chance(0.1)) ends.push(stream);
  return ends;
}

/** Counts, by time bucket, what comes from either stream. */
function connect(
  draw: SeededRandom,
  builder: GraphBuilder,
  [first, second]: readonly [number, number],
): number {
  const inputs = [
    builder.keyBy({ stream: first, name: "both-first" }),
    builder.keyBy({ stream: second, name: "both-second" }),
  ];
  return builder.add("both", inputs, pairProcess(500 + draw.below(2_000)));
}

/** Reads what some process functions emit beside their results, some of it by key. */
function addSideOutputs(draw: SeededRandom, builder: GraphBuilder): readonly number[] {
  return builder.processes().flatMap(({ id, name }) => {
    if (draw.chance(0.4)) return [];
    const side = builder.add(`side-${name}`, [id], { kind: "side-output", tag: oddTag.name });
    if (draw.chance(0.5)) return [side];
    return [
      addCount(builder, {
        stream: builder.keyBy({ stream: side, name: `odd-${name}` }),
        name: `odd-${name}`,
      }),
    ];
  });
}

interface Stage {
  readonly stream: number;
  readonly name: string;
}

function drawKeyedStage(draw: SeededRandom, builder: GraphBuilder, stage: Stage): number {
  const kind = draw.pick(["window", "window", "reduce", "process"] as const);
  if (kind === "window") return drawWindow(draw, builder, stage);
  const keyed = builder.keyBy(stage);
  if (kind === "reduce") return addCount(builder, { ...stage, stream: keyed });
  return builder.add(stage.name, [keyed], bucketProcess(500 + draw.below(2_000)));
}

/**
 * Emits running counts. Which of them come out when records are combined is left to chance, but for
 * the last ones: then a window over all of time keeps only those.
 */
function addCount(builder: GraphBuilder, { stream: keyed, name }: Stage): number {
  const merge = (left: number, right: number): number => left + right;
  const counts = builder.add(name, [keyed], {
    kind: "reduce",
    create: () => 1,
    add: (count: number) => count + 1,
    ...(builder.isCombining ? { merge } : {}),
    result: (count: number, key: string) => ({ key, count }),
  });
  if (!builder.isCombining) return counts;
  const last = `${name}-last`;
  return builder.add(last, [builder.keyBy({ stream: counts, name: last })], {
    kind: "window",
    assigner: { kind: "tumbling", sizeMs: 1e12, offsetMs: 0 },
    allowedLatenessMs: 0,
    isCombined: true,
    aggregate: {
      create: () => 0,
      add: (count: number, record: { count: number }) => Math.max(count, record.count),
      merge: (left: number, right: number) => Math.max(left, right),
      result: (count: number, { key }: { key: string }) => ({ key, count }),
    },
  });
}

function drawWindow(draw: SeededRandom, builder: GraphBuilder, stage: Stage): number {
  const keyed = builder.keyBy(stage);
  const slideMs = 250 * (1 + draw.below(8));
  return builder.add(stage.name, [keyed], {
    kind: "window",
    assigner: draw.chance(0.5)
      ? { kind: "tumbling", sizeMs: slideMs, offsetMs: 0 }
      : { kind: "sliding", sizeMs: slideMs * (1 + draw.below(4)), slideMs, offsetMs: 0 },
    allowedLatenessMs: 0,
    isCombined: builder.isCombining,
    aggregate: {
      create: () => ({ count: 0, amount: 0 }),
      add: (sum: { count: number; amount: number }, record: { amount: number }) => {
        sum.count += 1;
        sum.amount += record.amount;
      },
      merge: (into: { count: number; amount: number }, from: { count: number; amount: number }) => {
        into.count += from.count;
        into.amount += from.amount;
      },
      result: (
        sum: { count: number; amount: number },
        { key, window }: { key: string; window: { start: number } },
      ) => ({ key, start: window.start, count: sum.count, amount: sum.amount }),
    },
  });
}

function timestamp(record: SimRecord): number {
  return record.atMs;
}

function double(record: SimRecord): SimRecord {
  return { ...record, amount: record.amount * 2 };
}

function thin(record: SimRecord): boolean {
  return record.id % 3 !== 0;
}

function splitAmount(record: SimRecord): readonly SimRecord[] {
  return record.id % 2 === 0 ? [record, { ...record, amount: 1 }] : [record];
}

function drawInput(random: SeededRandom, sourceIndex: number) {
  const splitCount = 1 + random.below(5);
  const keyCount = 1 + random.below(20);
  const spanMs = 1_000 + random.below(6_000);
  let nextId = sourceIndex * 1_000_000;
  const splits = Array.from({ length: splitCount }, (_, splitIndex) => {
    const startMs = random.chance(0.5) ? splitIndex * spanMs : 0;
    const recordCount = random.below(120);
    return Array.from({ length: recordCount }, (__, index): SimRecord => {
      const inOrderMs = startMs + Math.floor((index * spanMs) / recordCount);
      nextId += 1;
      return {
        id: nextId,
        key: `key-${random.below(keyCount)}`,
        atMs: Math.max(0, inOrderMs - random.below(disorderMs)),
        amount: random.below(100),
      };
    });
  });
  return { splits, batchSize: 1 + random.below(40), timestamp };
}

/** Collects nodes; ids are positions. */
class GraphBuilder {
  /** Whether senders combine records where the operator allows it. */
  readonly isCombining: boolean;
  readonly #nodes: StreamNode[] = [];

  constructor(isCombining: boolean) {
    this.isCombining = isCombining;
  }

  add(
    name: string,
    inputs: readonly number[],
    spec: OperatorSpec,
    own: Pick<StreamNode, "parallelism" | "chaining"> = {},
  ): number {
    const id = this.#nodes.length;
    this.#nodes.push({ id, name, inputs, ...own, spec });
    return id;
  }

  keyBy({ stream, name }: Stage): number {
    const key: UserFunction = (record: { key: string }) => record.key;
    return this.add(`key-${name}`, [stream], { kind: "key-by", key });
  }

  processes(): readonly StreamNode[] {
    return this.#nodes.filter(({ spec }) => spec.kind === "process");
  }

  finish(draw: SeededRandom): StreamGraph {
    return {
      apiVersion,
      jobName: "sim",
      baseDirectory: "/",
      nodes: this.#nodes,
      settings: {
        parallelism: 1 + draw.below(3),
        maxParallelism: draw.pick([8, 128]),
        checkpoint: {
          intervalMs: 300 + draw.below(1_500),
          timeoutMs: 20_000,
          minPauseMs: 100,
          retainedCount: 1 + draw.below(3),
        },
        restart: { maxFailures: 1_000 },
      },
    };
  }
}
