/**
 * What a run took, from what its sources wrote down; the same for Millrace and for Flink.
 *
 * I1 The warm window begins so long after the first record and ends with the first subtask that has read
 *    all that it reads, so all work in all of it. Of a run that is shorter than twice its warm-up it is the second half.
 * I2 Where not every subtask has read something, nothing is measured: that run had another parallelism.
 */
import { interpolate, type CpuWatch, type Point } from "../process/cpu-time.ts";
import { readSamples } from "./read-samples.ts";

/** What a window of time took. */
export interface Window {
  readonly perSecond: number;
  /** CPU of the processes that work, without the coordinator. */
  readonly cpuUsPerRecord: number;
}

export interface Progress {
  /** The first five seconds, or less where the run is shorter. */
  readonly cold: Window;
  readonly warm: Window;
  /** The warm window, in epoch time. */
  readonly fromMs: number;
  readonly toMs: number;
}

const coldMs = 5_000;
/** CPU time and progress are sampled several times in it. */
const shortestMs = 500;

/** Returns both windows of a run that has ended; throws where it was too short to be measured (I2 too). */
export async function measureProgress(
  samples: string,
  { parallelism, warmUpMs }: { readonly parallelism: number; readonly warmUpMs: number },
  watch: CpuWatch,
): Promise<Progress> {
  const sources = await readSamples(samples, "source");
  if (sources.length !== parallelism) {
    throw new Error(`${sources.length} of ${parallelism} subtasks have read something`);
  }
  const firstMs = Math.min(...sources.map((points) => points[0]?.atMs ?? Infinity));
  const toMs = Math.min(...sources.map((points) => points.at(-1)?.atMs ?? -Infinity));
  const fromMs = beginOfWarm({ firstMs, toMs, warmUpMs });
  const measure = (from: number, to: number): Window => measureWindow(sources, watch, from, to);
  return {
    cold: measure(firstMs, Math.min(firstMs + coldMs, toMs)),
    warm: measure(fromMs, toMs),
    fromMs,
    toMs,
  };
}

/** Returns when the warm window of a run begins (I1); throws where it is too short to be measured. */
export function beginOfWarm({
  firstMs,
  toMs,
  warmUpMs,
}: {
  readonly firstMs: number;
  readonly toMs: number;
  readonly warmUpMs: number;
}): number {
  const fromMs = Math.min(firstMs + warmUpMs, (firstMs + toMs) / 2);
  if (toMs - fromMs >= shortestMs) return fromMs;
  throw new Error(`all records were read within ${toMs - firstMs} ms: give the run more`);
}

function measureWindow(
  sources: readonly (readonly Point[])[],
  watch: CpuWatch,
  fromMs: number,
  toMs: number,
): Window {
  const records = sources.reduce(
    (sum, points) => sum + interpolate(points, toMs) - interpolate(points, fromMs),
    0,
  );
  return {
    perSecond: (records * 1_000) / (toMs - fromMs),
    cpuUsPerRecord: (watch.between(fromMs, toMs) * 1_000) / records,
  };
}
