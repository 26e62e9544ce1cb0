/** One figure of a benchmark. */
export interface BenchLine {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Words for what the figure should be. */
  readonly goal?: string;
  readonly isMet?: boolean;
}

/** Returns the line as text. */
export function formatLine({ name, value, unit, goal, isMet }: BenchLine): string {
  const judgement =
    goal === undefined ? "" : `   goal ${goal}: ${isMet === true ? "met" : "missed"}`;
  return `${name.padEnd(44)} ${value.toFixed(value < 10 ? 2 : 0).padStart(9)} ${unit}${judgement}`;
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}
