/** How a measure is spread, in milliseconds; all absent when nothing was measured. */
export interface Spread {
  readonly count: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly max?: number;
}

/** Returns the spread by nearest rank: the p99 of 100 values is the second greatest. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  if (sorted.length === 0) return { count: 0 };
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
