import { canonicalJson, type JsonValue } from "@millrace/core";

type PlainRow = Readonly<Record<string, JsonValue>>;

const shownCount = 3;

/**
 * Returns rows that only one of two multisets has, as lines to print: `-` those that are missing, `+` those
 * that are too many, the first of each. None if they are equal.
 */
export function findDifferences(
  actual: readonly PlainRow[],
  expected: readonly PlainRow[],
): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of expected.map(canonicalJson)) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of actual.map(canonicalJson)) counts.set(line, (counts.get(line) ?? 0) - 1);
  const missing = [...counts].filter(([, count]) => count > 0).map(([line]) => `- ${line}`);
  const surplus = [...counts].filter(([, count]) => count < 0).map(([line]) => `+ ${line}`);
  return [...missing.slice(0, shownCount), ...surplus.slice(0, shownCount)];
}
