import type { Auction, Bid, Person } from "@millrace/nexmark";

/*
 * The rows of queries 0 to 22: what a job has to emit, and what the oracle gives. Fields have the names of the
 * published SQL (nexmark-flink) in camelCase; a name that it writes in one lower-case word is spelt out.
 *
 * All times are milliseconds since the epoch, `day` is yyyy-MM-dd and `minute` HH:mm, in UTC. Prices are in
 * cents. Averages of cents are rounded down to whole cents, as AVG of a BIGINT is in Flink. A price in euros
 * is the double nearest to the exact decimal: `(price * 908) / 1_000`, not `0.908 * price`.
 */

/** Pass through: each bid without channel and url. */
type Q0Row = Pick<Bid, "auction" | "bidder" | "price" | "dateTime" | "extra">;

/** Each bid with its price in euros. */
type Q1Row = Q0Row;

/** Bids for every 123rd auction. */
type Q2Row = Pick<Bid, "auction" | "price">;

/** A seller of OR, ID or CA and the id of an auction of category 10 of theirs. */
type Q3Row = Pick<Person, "name" | "city" | "state"> & Pick<Auction, "id">;

/** The average winning price of a category; updated, the last row of each `id` counts. */
interface Q4Row {
  /** The category. */
  readonly id: number;
  readonly final: number;
}

/** An auction with the most bids of a sliding window of 10 s, every 2 s; several if they are equal. */
interface Q5Row {
  readonly auction: number;
  readonly num: number;
}

/** A row for each closed auction with a winning bid: the average of the seller's last ten. */
interface Q6Row {
  readonly seller: number;
  readonly avgPrice: number;
}

/** The highest bid of 10 s; several if they are equal. */
type Q7Row = Q0Row;

/** A person who registered and opened an auction within the same 10 s. */
interface Q8Row extends Pick<Person, "id" | "name"> {
  /** When the window began. */
  readonly startTime: number;
}

/** An auction that has closed, with its winning bid; one row an auction. */
interface Q9Row extends Omit<Auction, "kind">, Pick<Bid, "auction" | "bidder" | "price"> {
  readonly bidDateTime: number;
  readonly bidExtra: string;
}

/** Each bid with the partition that it is logged to. */
interface Q10Row extends Q0Row {
  /** The day of the bid. */
  readonly dt: string;
  /** The minute of the bid. */
  readonly hm: string;
}

/** The bids of a bidder in a row with at most 10 s from one to the next. */
interface Q11Row {
  readonly bidder: number;
  readonly bidCount: number;
  /** The first bid. */
  readonly startTime: number;
  /** 10 s behind the last bid. */
  readonly endTime: number;
}

/** The bids of a bidder in 10 s of processing time. */
interface Q12Row {
  readonly bidder: number;
  readonly bidCount: number;
  readonly startTime: number;
  readonly endTime: number;
}

/** Each bid with the value of the side input whose key is its auction modulo 10,000. */
interface Q13Row extends Omit<Q0Row, "extra"> {
  readonly value: string;
}

/** Bids of more than 1,000,000 and less than 50,000,000 euro cents, which is the `price`. */
interface Q14Row extends Q0Row {
  /** Hours 8 to 18, hours 20 to 6, and the two between. */
  readonly bidTimeType: "dayTime" | "nightTime" | "otherTime";
  /** How many letters c are in `extra`. */
  readonly cCounts: number;
}

/** Bids in all and by rank: below 10,000 cents, below 1,000,000, and from there on. */
export interface BidCounts {
  readonly totalBids: number;
  readonly rank1Bids: number;
  readonly rank2Bids: number;
  readonly rank3Bids: number;
}

/** Bids, and how many different bidders and auctions they are of, in all and by rank. */
export interface BidStatistics extends BidCounts {
  readonly totalBidders: number;
  readonly rank1Bidders: number;
  readonly rank2Bidders: number;
  readonly rank3Bidders: number;
  readonly totalAuctions: number;
  readonly rank1Auctions: number;
  readonly rank2Auctions: number;
  readonly rank3Auctions: number;
}

/** The bids of a day; updated, the last row of each `day` counts. */
interface Q15Row extends BidStatistics {
  readonly day: string;
}

/** The bids of a channel and day; updated, the last row of each `channel` and `day` counts. */
interface Q16Row extends BidStatistics {
  readonly channel: string;
  readonly day: string;
  /** The greatest minute of its bids. */
  readonly minute: string;
}

/** The bids of an auction and day; updated, the last row of each `auction` and `day` counts. */
interface Q17Row extends BidCounts {
  readonly auction: number;
  readonly day: string;
  readonly minPrice: number;
  readonly maxPrice: number;
  readonly avgPrice: number;
  readonly sumPrice: number;
}

/** The last bid of a bidder for an auction; updated, the last row of both counts. */
type Q18Row = Omit<Bid, "kind">;

/** One of the ten highest bids of an auction; updated, the last row of `auction` and rank counts. */
interface Q19Row extends Omit<Bid, "kind"> {
  /** From 1; of equal prices the earlier one comes first. */
  readonly rankNumber: number;
}

/** A bid with its auction, for auctions of category 10. */
interface Q20Row
  extends
    Omit<Bid, "kind" | "dateTime" | "extra">,
    Omit<Auction, "kind" | "id" | "dateTime" | "extra"> {
  readonly bidDateTime: number;
  readonly bidExtra: string;
  readonly auctionDateTime: number;
  readonly auctionExtra: string;
}

/** A bid whose channel has an id: a known one's, or that of the url. */
interface Q21Row extends Pick<Bid, "auction" | "bidder" | "price" | "channel"> {
  readonly channelId: string;
}

/** Each bid with the three folders of its url. */
interface Q22Row extends Pick<Bid, "auction" | "bidder" | "price" | "channel"> {
  readonly dir1: string;
  readonly dir2: string;
  readonly dir3: string;
}

/** The row of each query by its name. */
export interface NexmarkRows {
  readonly q0: Q0Row;
  readonly q1: Q1Row;
  readonly q2: Q2Row;
  readonly q3: Q3Row;
  readonly q4: Q4Row;
  readonly q5: Q5Row;
  readonly q6: Q6Row;
  readonly q7: Q7Row;
  readonly q8: Q8Row;
  readonly q9: Q9Row;
  readonly q10: Q10Row;
  readonly q11: Q11Row;
  readonly q12: Q12Row;
  readonly q13: Q13Row;
  readonly q14: Q14Row;
  readonly q15: Q15Row;
  readonly q16: Q16Row;
  readonly q17: Q17Row;
  readonly q18: Q18Row;
  readonly q19: Q19Row;
  readonly q20: Q20Row;
  readonly q21: Q21Row;
  readonly q22: Q22Row;
}

export type QueryName = keyof NexmarkRows;
