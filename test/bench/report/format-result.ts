import { isMet, type BenchmarkResult, type Figure, type Goal } from "./benchmark.ts";
import type { Machine } from "./machine.ts";
import { medianOf } from "./statistics.ts";

/** What a machine does that has nothing to do, and a little more. */
const mostOthersShare = 0.1;

/** Returns the line about the machine. */
export function formatMachine(machine: Machine): string {
  const { processors, model, memoryGiB, node, commit, load, at } = machine;
  return `${processors} x ${model}, ${memoryGiB} GiB, load ${load.toFixed(1)}; Node ${node}; commit ${commit}; ${at}`;
}

/** Returns the line about what ran beside a benchmark. */
export function formatOthers(othersShare: number): string {
  const advice = isBusy(othersShare) ? ": OTHERS RAN BESIDE IT, read ratios and CPU only" : "";
  return `  others used ${(100 * othersShare).toFixed(1)} % of the processors' time${advice}`;
}

/**
 * Whether too much ran beside a benchmark to decide a goal. What counts is the processor time that others
 * used while it ran: the machine's without that of the benchmark and all that it started, Flink's idle
 * processes too. The load average would count those.
 */
export function isBusy(othersShare: number): boolean {
  return othersShare > mostOthersShare;
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
