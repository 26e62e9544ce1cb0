import type { JsonValue } from "@millrace/core";

import type { QueryName } from "./rows.ts";

type PlainRow = Readonly<Record<string, JsonValue>>;

interface Updates {
  /** The fields that name what is updated. */
  readonly key: readonly string[];
  /**
   * Whether a row replaces another one of its key: decided by what is in them, as rows of several
   * subtasks and attempts have no order. Absent: rows are in order, the last one counts.
   */
  readonly isLater?: (row: PlainRow, other: PlainRow) => boolean;
}

const countsMore = byFields(["totalBids"]);
/** Numbers that only rise: a later row has the greater one of the first that differ. */
const countFields = ["Bids", "Bidders", "Auctions"].flatMap((what) =>
  ["total", "rank1", "rank2", "rank3"].map((rank) => `${rank}${what}`),
);
const countsMoreInAll = byFields(countFields);

/** Queries that update; others emit each row once. */
const updates: Partial<Readonly<Record<QueryName, Updates>>> = {
  q4: { key: ["id"] },
  q15: { key: ["day"], isLater: countsMoreInAll },
  q16: { key: ["channel", "day"], isLater: countsMoreInAll },
  q17: { key: ["auction", "day"], isLater: countsMore },
  q18: { key: ["bidder", "auction"], isLater: byFields(["dateTime"]) },
  q19: { key: ["auction", "rankNumber"], isLater: byFields(["price", "-dateTime"]) },
};

/**
 * Returns what a job's rows come to, to be compared with the oracle's: of a query that updates the last row
 * of each key, of others all rows. Of q4, whose rows do not tell which is later, they have to be in
 * order.
 */
export function finalRows(query: QueryName, rows: readonly PlainRow[]): readonly PlainRow[] {
  const { [query]: update } = updates;
  if (update === undefined) return rows;
  const { key, isLater = () => true } = update;
  const finals = new Map<string, PlainRow>();
  for (const row of rows) {
    const name = JSON.stringify(key.map((field) => row[field]));
    const other = finals.get(name);
    if (other === undefined || isLater(row, other)) finals.set(name, row);
  }
  return [...finals.values()];
}

/** Returns whether the first field that differs is greater, or with a minus before its name less. */
function byFields(fields: readonly string[]): (row: PlainRow, other: PlainRow) => boolean {
  return (row, other) => {
    for (const field of fields) {
      const sign = field.startsWith("-") ? -1 : 1;
      const name = field.replace("-", "");
      const difference = sign * (Number(row[name]) - Number(other[name]));
      if (difference !== 0) return difference > 0;
    }
    return false;
  };
}
