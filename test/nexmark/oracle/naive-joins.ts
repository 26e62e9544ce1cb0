import type { Auction, Bid, NexmarkEvent } from "@millrace/nexmark";

import { groupBy, maxOf, startOf } from "./naive-bids.ts";
import type { NexmarkRows } from "./rows.ts";

/*
 * Queries over more than bids, by plain loops over arrays: what the oracle's SQL is checked against.
 */

type JoinQuery = "q3" | "q4" | "q6" | "q8" | "q9" | "q20";

type NaiveJoinQueries = {
  readonly [Q in JoinQuery]: (events: readonly NexmarkEvent[]) => readonly NexmarkRows[Q][];
};

export const naiveJoinQueries: NaiveJoinQueries = {
  q3: (events) =>
    events
      .filter((event) => event.kind === "auction")
      .filter(({ category }) => category === 10)
      .flatMap(({ id, seller }) =>
        personsWith(events, seller)
          .filter(({ state }) => ["OR", "ID", "CA"].includes(state))
          .map(({ name, city, state }) => ({ name, city, state, id })),
      ),
  q4: (events) =>
    [...groupBy(winningBids(events), ({ auction }) => auction.category)].map(([id, winners]) => ({
      id,
      final: averageOf(winners),
    })),
  q6: (events) => {
    const closing = winningBids(events).toSorted(
      ({ auction: left }, { auction: right }) => left.expires - right.expires || left.id - right.id,
    );
    return [...groupBy(closing, ({ auction }) => auction.seller)].flatMap(([seller, winners]) =>
      winners.map((_, index) => ({
        seller,
        avgPrice: averageOf(winners.slice(Math.max(0, index - 9), index + 1)),
      })),
    );
  },
  q8: (events) =>
    events
      .filter((event) => event.kind === "person")
      .flatMap(({ id, name, dateTime }) => {
        const startTime = startOf(dateTime, 10_000);
        const hasSold = events.some(
          (event) =>
            event.kind === "auction" &&
            event.seller === id &&
            startOf(event.dateTime, 10_000) === startTime,
        );
        return hasSold ? [{ id, name, startTime }] : [];
      }),
  q9: (events) =>
    winningBids(events).map(({ auction: { kind: _kind, ...auction }, bid }) => ({
      ...auction,
      auction: bid.auction,
      bidder: bid.bidder,
      price: bid.price,
      bidDateTime: bid.dateTime,
      bidExtra: bid.extra,
    })),
  q20: (events) => {
    const auctions = new Map(auctionsOf(events).map((auction) => [auction.id, auction]));
    return bidsOf(events).flatMap(({ kind: _kind, dateTime, extra, ...bid }) => {
      const auction = auctions.get(bid.auction);
      if (auction?.category !== 10) return [];
      const { itemName, description, initialBid, reserve, expires, seller, category } = auction;
      return [
        {
          ...bid,
          bidDateTime: dateTime,
          bidExtra: extra,
          itemName,
          description,
          initialBid,
          reserve,
          expires,
          seller,
          category,
          auctionDateTime: auction.dateTime,
          auctionExtra: auction.extra,
        },
      ];
    });
  },
};

interface WinningBid {
  readonly auction: Auction;
  readonly bid: Bid;
}

/** Returns the highest bid of each auction that has one while it is open; of equal ones the first. */
function winningBids(events: readonly NexmarkEvent[]): readonly WinningBid[] {
  const bids = groupBy(bidsOf(events), ({ auction }) => auction);
  return auctionsOf(events).flatMap((auction) => {
    const valid = (bids.get(auction.id) ?? []).filter(
      ({ dateTime }) => dateTime >= auction.dateTime && dateTime <= auction.expires,
    );
    const highest = maxOf(valid.map(({ price }) => price));
    const bid = valid.find(({ price }) => price === highest);
    return bid === undefined ? [] : [{ auction, bid }];
  });
}

function averageOf(winners: readonly WinningBid[]): number {
  const sum = winners.reduce((total, { bid }) => total + bid.price, 0);
  return Math.floor(sum / winners.length);
}

function personsWith(events: readonly NexmarkEvent[], id: number) {
  return events.filter((event) => event.kind === "person").filter((person) => person.id === id);
}

function auctionsOf(events: readonly NexmarkEvent[]): readonly Auction[] {
  return events.filter((event) => event.kind === "auction");
}

/** In the order of event time. */
function bidsOf(events: readonly NexmarkEvent[]): readonly Bid[] {
  return events.filter((event) => event.kind === "bid");
}
