/** Sums by name: of what runs did, or of each kind of fault. */
export type Totals = Record<string, number>;

/** Adds the counts to those of the same names. */
export function addTo(totals: Totals, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
}
