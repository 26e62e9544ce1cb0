import type { Bid } from "@millrace/nexmark";
import { state, type, type DataStream, type Key } from "millrace";

/** A number in all, and by the rank of bids: below 100 dollars, below 10,000, and from there on. */
interface Counts {
  readonly total: number;
  readonly rank1: number;
  readonly rank2: number;
  readonly rank3: number;
}

/** What the bids of a group come to. */
export interface BidStatistics<Group> {
  readonly group: Group;
  /** The greatest minute of its bids, HH:mm. */
  readonly minute: string;
  readonly bids: Counts;
  /** Different ones. */
  readonly bidders: Counts;
  /** Different ones. */
  readonly auctions: Counts;
}

/** A bid, as far as it is counted. */
interface CountedBid<Group> {
  readonly group: Group;
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
export function countBids<Group extends Key>(
  bids: DataStream<Bid>,
  groupOf: (bid: Bid) => Group,
): DataStream<BidStatistics<Group>> {
  const counted = bids.map((bid): CountedBid<Group> => ({
    group: groupOf(bid),
    minute: new Date(bid.dateTime).toISOString().slice(11, 16),
    rank: rankOf(bid.price),
    bidder: bid.bidder,
    auction: bid.auction,
  }));
  const ofBids = counted.map(({ group, minute, rank }): BidStatistics<Group> => ({
    group,
    minute,
    bids: addRank(addTotal(none), rank),
    bidders: none,
    auctions: none,
  }));
  const ofBidders = firstByRank(counted, "new-bidders", ({ bidder }) => bidder).map(
    ({ group, counts }): BidStatistics<Group> => ({
      group,
      minute: "",
      bids: none,
      bidders: counts,
      auctions: none,
    }),
  );
  const ofAuctions = firstByRank(counted, "new-auctions", ({ auction }) => auction).map(
    ({ group, counts }): BidStatistics<Group> => ({
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
export function toFields({ bids, bidders, auctions }: BidStatistics<unknown>) {
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
function firstByRank<Group extends Key>(
  bids: DataStream<CountedBid<Group>>,
  name: string,
  idOf: (bid: CountedBid<Group>) => number,
): DataStream<{ readonly group: Group; readonly counts: Counts }> {
  return bids
    .map((bid) => ({ group: bid.group, id: idOf(bid), rank: bid.rank }))
    .keyBy(({ group, id }) => ({ group, id }))
    .process(name, {
      emits: type<{ group: Group; counts: Counts }>(),
      state: { seen: state.value<Counts>() },
      onRecord({ group, rank }, ctx) {
        const seen = ctx.state.seen.get();
        if (seen?.[`rank${rank}`] === 1) return;
        ctx.state.seen.set(addRank(seen ?? none, rank));
        ctx.emit({ group, counts: addRank(seen === undefined ? addTotal(none) : none, rank) });
      },
    });
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

function addStatistics<Group>(
  left: BidStatistics<Group>,
  right: BidStatistics<Group>,
): BidStatistics<Group> {
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
