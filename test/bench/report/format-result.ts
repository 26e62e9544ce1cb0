import { isMet, type BenchmarkResult, type Figure, type Goal } from "./benchmark.ts";
import type { Machine } from "./machine.ts";
import { medianOf } from "./statistics.ts";

/** What a benchmark itself may keep runnable. */
const ownLoad = 3;

/** Returns the line about the machine. */
export function formatMachine(machine: Machine): string {
  const { processors, model, memoryGiB, node, commit, load, at } = machine;
  return `${processors} x ${model}, ${memoryGiB} GiB, load ${load.toFixed(1)}; Node ${node}; commit ${commit}; ${at}`;
}

/**
 * Returns the line about the load of the last minute of a benchmark. Its own processes are part of that: two
 * workers, a coordinator and this one.
 */
export function formatLoad(load: number, { processors }: Machine): string {
  const advice = isBusy(load, processors) ? ": OTHERS RAN BESIDE IT, read ratios and CPU only" : "";
  return `  load at the end ${load.toFixed(1)} on ${processors} processors${advice}`;
}

/** Whether others must have run beside a benchmark; no goal is decided then. */
export function isBusy(load: number, processors: number): boolean {
  return load > ownLoad + processors / 2;
}

/**
 * Returns the lines about a benchmark: the median of each figure, then the goals, which are met, missed, or
 * left open where they cannot be decided.
 */
export function formatResult(
  name: string,
  { figures, goals }: BenchmarkResult,
  isDecided: boolean,
): string {
  const width = Math.max(0, ...figures.map(({ what }) => what.length));
  const lines = [
    ...figures.map((figure) => formatFigure(figure, width)),
    ...goals.map((goal) => formatGoal(goal, isDecided)),
  ];
  return [name, ...lines.map((line) => `  ${line}`)].join("\n");
}

function formatFigure({ what, unit, values }: Figure, width: number): string {
  const median = `${formatNumber(medianOf(values))} ${unit}`;
  if (values.length === 1) return `${what.padEnd(width)} ${median}`;
  const range = `${formatNumber(Math.min(...values))} to ${formatNumber(Math.max(...values))}`;
  return `${what.padEnd(width)} ${median} (${range}, ${values.length} runs)`;
}

function formatGoal(goal: Goal, isDecided: boolean): string {
  const { what, unit, measured, atLeast, atMost } = goal;
  const limit = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
  const verdict = isDecided ? (isMet(goal) ? "met   " : "MISSED") : "open  ";
  return `goal ${verdict} ${what}: ${formatNumber(measured)} ${unit} (${limit})`;
}

/** Returns three significant digits, thousands with commas. */
function formatNumber(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}
