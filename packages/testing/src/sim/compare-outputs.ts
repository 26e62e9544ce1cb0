/** Which difference counts: a job that was stopped has not published all, but nothing else either. */
export type Comparison = "all" | "surplus";

/**
 * Returns what differs between two multisets of records of each sink, or undefined: what `published`
 * lacks of `expected`, and what it has too many.
 */
export function findDifference(
  expected: ReadonlyMap<string, readonly unknown[]>,
  published: (sinkName: string) => readonly unknown[],
  comparison: Comparison = "all",
): string | undefined {
  for (const [name, records] of expected) {
    const missing = new Map<string, number>();
    for (const text of records.map(toText)) missing.set(text, (missing.get(text) ?? 0) + 1);
    const surplus: string[] = [];
    for (const text of published(name).map(toText)) {
      const count = missing.get(text) ?? 0;
      if (count === 0) surplus.push(text);
      else missing.set(text, count - 1);
    }
    const lost =
      comparison === "surplus"
        ? []
        : [...missing].flatMap(([text, count]) => Array.from({ length: count }, () => text));
    if (lost.length > 0 || surplus.length > 0) {
      return `${name} lacks ${countRecords(lost)} and has ${countRecords(surplus)} too many`;
    }
  }
  return undefined;
}

function countRecords(texts: readonly string[]): string {
  if (texts.length === 0) return "none";
  const more = texts.length > 3 ? " ..." : "";
  return `${texts.length} (${texts.slice(0, 3).join(" ")}${more})`;
}

/** JSON with sorted fields, in which equal values are equal texts, also of what JSON has not. */
function toText(value: unknown): string {
  return JSON.stringify(value, sortFields) ?? "undefined";
}

function sortFields(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return { bigint: String(value) };
  if (typeof value === "number" && !Number.isFinite(value)) return { number: String(value) };
  if (value instanceof Map) return { map: [...value] };
  if (value instanceof Set) return { set: [...value] };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
}
