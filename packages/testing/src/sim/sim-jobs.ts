import type { StreamGraph } from "@millrace/graph";

import { drawAsync, failedTag } from "./jobs/async.ts";
import { drawBreaker } from "./jobs/breaker.ts";
import { addBroadcasts } from "./jobs/broadcast-to-all-keys.ts";
import { drawBroadcast } from "./jobs/broadcast.ts";
import { drawEndless } from "./jobs/endless.ts";
import { drawHolders, drawSpread, drawWatermarks } from "./jobs/flow.ts";
import { GraphBuilder } from "./jobs/graph-builder.ts";
import { drawHeldRecords } from "./jobs/held-records.ts";
import { disorderMs, drawInput, timestamp, withoutEnd } from "./jobs/input.ts";
import { addJoins } from "./jobs/joins.ts";
import { addSideOutputs, connect, drawStages } from "./jobs/keyed-stages.ts";
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
} from "./sim-connectors.ts";

/** A job drawn from a seed: what it runs, and how far its event time may be out of order. */
export interface SimJob {
  readonly graph: StreamGraph;
  readonly recordCount: number;
  /** Of a job without an end: what of its input was read. */
  readonly progress?: ReadProgress;
}

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
      connector: createSimSource(
        progress === undefined ? input : withoutEnd(input, name, progress),
      ),
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

function double(record: SimRecord): SimRecord {
  return { ...record, amount: record.amount * 2 };
}

function thin(record: SimRecord): boolean {
  return record.id % 3 !== 0;
}

function splitAmount(record: SimRecord): readonly SimRecord[] {
  return record.id % 2 === 0 ? [record, { ...record, amount: 1 }] : [record];
}
