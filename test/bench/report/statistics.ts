/** Returns the middle of the values, the mean of both middle ones where their number is even. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted[sorted.length % 2 === 1 ? middle : middle - 1];
  if (upper === undefined || lower === undefined) throw new Error("there is no median of nothing");
  return (lower + upper) / 2;
}

/** Returns the value at a quantile by nearest rank: the 0.99 of 100 values is the second greatest. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const value = sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)];
  if (value === undefined) throw new Error("there is no quantile of nothing");
  return value;
}

/** Returns the mean; throws where there is no value. */
export function meanOf(values: readonly number[]): number {
  if (values.length === 0) throw new Error("there is no mean of nothing");
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
