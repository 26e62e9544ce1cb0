import type { nexmarkQueries } from "@millrace/examples";

/** A query, or `source`: its events straight into the sink. */
export type BenchedQuery = keyof typeof nexmarkQueries | "source";

/** What a run's rows come to in one number, that is known beforehand whatever the order of records. */
export interface CountedRows {
  readonly of: (row: never) => number;
  readonly fold: "sum" | "max";
}

/** Of queries that give each row once. */
const rows: CountedRows = { of: () => 1, fold: "sum" };
/** Of queries that update counts, in steps that depend on how records meet: the greatest count. */
const mostBids: CountedRows = {
  of: ({ totalBids }: { readonly totalBids: number }) => totalBids,
  fold: "max",
};

const exceptions: Partial<Readonly<Record<BenchedQuery, CountedRows>>> = {
  q12: { of: ({ bidCount }: { readonly bidCount: number }) => bidCount, fold: "sum" },
  q15: mostBids,
  q16: mostBids,
  q17: mostBids,
  q19: { of: ({ price }: { readonly price: number }) => price, fold: "max" },
};

/** Returns what is counted of a query's rows. */
export function countedRows(query: BenchedQuery): CountedRows {
  return exceptions[query] ?? rows;
}

/** Returns what counts of several subtasks come to. */
export function foldCounts({ fold }: CountedRows, counts: readonly number[]): number {
  return counts.reduce((left, right) => (fold === "sum" ? left + right : Math.max(left, right)), 0);
}
