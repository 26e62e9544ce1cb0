import type { Bid } from "@millrace/nexmark";
import { state, type, type DataStream } from "millrace";

/** A number in all, and by the rank of bids: below 100 dollars, below 10,000, and from there on. */
interface Counts {
  readonly total: number;
  readonly rank1: number;
  readonly rank2: number;
  readonly rank3: number;
}

/** What the bids of a group come to. */
export interface BidStatistics {
  readonly group: string;
  /** The greatest minute of its bids, HH:mm. */
  readonly minute: string;
  readonly bids: Counts;
  /** Different ones. */
  readonly bidders: Counts;
  /** Different ones. */
  readonly auctions: Counts;
}

/** A bid, as far as it is counted. */
interface CountedBid {
  readonly group: string;
  readonly minute: string;
  readonly rank: 1 | 2 | 3;
  readonly bidder: number;
  readonly auction: number;
}

const none: Counts = { total: 0, rank1: 0, rank2: 0, rank3: 0 };

/**
 * Returns the running statistics of each group. Whoever counts different bidders has to remember them: here by
 * group and bidder, each a small state, so that all subtasks share even one large group. What is new there is
 * added up by group. A bid counts before its bidder and its auction do, so a row between may lack these;
 * the last row of a group is complete.
 */
export function countBids(
  bids: DataStream<Bid>,
  groupOf: (bid: Bid) => string,
): DataStream<BidStatistics> {
  const counted = bids.map((bid): CountedBid => ({
    group: groupOf(bid),
    minute: new Date(bid.dateTime).toISOString().slice(11, 16),
    rank: rankOf(bid.price),
    bidder: bid.bidder,
    auction: bid.auction,
  }));
  const ofBids = counted.map(({ group, minute, rank }): BidStatistics => ({
    group,
    minute,
    bids: addRank(addTotal(none), rank),
    bidders: none,
    auctions: none,
  }));
  const ofBidders = firstByRank(counted, "new-bidders", ({ bidder }) => bidder).map(
    ({ group, counts }): BidStatistics => ({
      group,
      minute: "",
      bids: none,
      bidders: counts,
      auctions: none,
    }),
  );
  const ofAuctions = firstByRank(counted, "new-auctions", ({ auction }) => auction).map(
    ({ group, counts }): BidStatistics => ({
      group,
      minute: "",
      bids: none,
      bidders: none,
      auctions: counts,
    }),
  );
  return (
    ofBids
      .union(ofBidders, ofAuctions)
      .keyBy(({ group }) => group)
      // Senders may send the statistics of several bids as one.
      .reduce("statistics", addStatistics, { combine: true })
  );
}

/** Returns statistics with the names that the queries' rows have. */
export function toFields({ bids, bidders, auctions }: BidStatistics) {
  return {
    totalBids: bids.total,
    rank1Bids: bids.rank1,
    rank2Bids: bids.rank2,
    rank3Bids: bids.rank3,
    totalBidders: bidders.total,
    rank1Bidders: bidders.rank1,
    rank2Bidders: bidders.rank2,
    rank3Bidders: bidders.rank3,
    totalAuctions: auctions.total,
    rank1Auctions: auctions.rank1,
    rank2Auctions: auctions.rank2,
    rank3Auctions: auctions.rank3,
  };
}

/** Returns the day of a bid, yyyy-MM-dd. */
export function dayOf({ dateTime }: Bid): string {
  return new Date(dateTime).toISOString().slice(0, 10);
}

/** Emits what a bidder (or auction) adds to a group's counts, with the first bid of all and of each rank. */
function firstByRank(
  bids: DataStream<CountedBid>,
  name: string,
  idOf: (bid: CountedBid) => number,
): DataStream<{ readonly group: string; readonly counts: Counts }> {
  return (
    bids
      .map((bid) => ({ group: bid.group, id: idOf(bid), rank: bid.rank }))
      // Millions of them: a number by a text takes a tenth of the memory of an object by an object.
      .keyBy(({ group, id }) => `${group} ${id}`)
      .process(name, {
        emits: type<{ group: string; counts: Counts }>(),
        // The ranks of its bids so far, a bit for each.
        state: { ranks: state.value<number>() },
        onRecord({ group, rank }, ctx) {
          const ranks = ctx.state.ranks.get() ?? 0;
          const bit = 1 << rank;
          if ((ranks & bit) !== 0) return;
          ctx.state.ranks.set(ranks | bit);
          ctx.emit({ group, counts: addRank(ranks === 0 ? addTotal(none) : none, rank) });
        },
      })
  );
}

function rankOf(price: number): 1 | 2 | 3 {
  if (price < 10_000) return 1;
  return price < 1_000_000 ? 2 : 3;
}

function addTotal(counts: Counts): Counts {
  return { ...counts, total: counts.total + 1 };
}

function addRank(counts: Counts, rank: 1 | 2 | 3): Counts {
  const name = `rank${rank}` as const;
  return { ...counts, [name]: counts[name] + 1 };
}

function addStatistics(left: BidStatistics, right: BidStatistics): BidStatistics {
  return {
    group: left.group,
    minute: left.minute > right.minute ? left.minute : right.minute,
    bids: addCounts(left.bids, right.bids),
    bidders: addCounts(left.bidders, right.bidders),
    auctions: addCounts(left.auctions, right.auctions),
  };
}

function addCounts(left: Counts, right: Counts): Counts {
  return {
    total: left.total + right.total,
    rank1: left.rank1 + right.rank1,
    rank2: left.rank2 + right.rank2,
    rank3: left.rank3 + right.rank3,
  };
}
