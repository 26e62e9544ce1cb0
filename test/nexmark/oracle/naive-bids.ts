import type { Bid } from "@millrace/nexmark";

import type { BidCounts, BidStatistics, NexmarkRows } from "./rows.ts";

/*
 * Queries over bids alone, by plain loops over arrays: what the oracle's SQL is checked against. Nothing of it
 * is shared with the SQL, and nothing of it is fast.
 */

type NaiveBidQueries = {
  readonly [Q in keyof NexmarkRows as Q extends BidQuery ? Q : never]: (
    bids: readonly Bid[],
  ) => readonly NexmarkRows[Q][];
};

type BidQuery =
  | "q0"
  | "q1"
  | "q2"
  | "q5"
  | "q7"
  | "q10"
  | "q11"
  | "q12"
  | "q13"
  | "q14"
  | "q15"
  | "q16"
  | "q17"
  | "q18"
  | "q19"
  | "q21"
  | "q22";

const knownChannels = new Map(
  Object.entries({ Apple: "0", Google: "1", Facebook: "2", Baidu: "3" }),
);

export const naiveBidQueries: NaiveBidQueries = {
  q0: (bids) => bids.map(withoutChannel),
  q1: (bids) => bids.map((bid) => ({ ...withoutChannel(bid), price: toEuroCents(bid) })),
  q2: (bids) =>
    bids
      .filter(({ auction }) => auction % 123 === 0)
      .map(({ auction, price }) => ({ auction, price })),
  q5: (bids) => slidingWindows(bids).flatMap(findHottest),
  q7: (bids) =>
    [...groupBy(bids, ({ dateTime }) => startOf(dateTime, 10_000)).values()].flatMap((group) => {
      const highest = maxOf(group.map(({ price }) => price));
      return group.filter(({ price }) => price === highest).map(withoutChannel);
    }),
  q10: (bids) => bids.map((bid) => ({ ...withoutChannel(bid), dt: dayOf(bid), hm: minuteOf(bid) })),
  q11: (bids) => [...groupBy(bids, ({ bidder }) => bidder).values()].flatMap(cutSessions),
  // With processing time equal to event time.
  q12: (bids) =>
    [
      ...groupBy(bids, ({ bidder, dateTime }) => `${bidder} ${startOf(dateTime, 10_000)}`).values(),
    ].flatMap((group) => {
      const startTime = startOf(group[0]?.dateTime ?? 0, 10_000);
      const bidder = group[0]?.bidder ?? 0;
      return [{ bidder, bidCount: group.length, startTime, endTime: startTime + 10_000 }];
    }),
  q13: (bids) =>
    bids.map(({ auction, bidder, price, dateTime }) => ({
      auction,
      bidder,
      price,
      dateTime,
      value: String(auction % 10_000),
    })),
  q14: (bids) =>
    bids
      .filter((bid) => toEuroCents(bid) > 1_000_000 && toEuroCents(bid) < 50_000_000)
      .map((bid) => ({
        ...withoutChannel(bid),
        price: toEuroCents(bid),
        bidTimeType: timeTypeOf(new Date(bid.dateTime).getUTCHours()),
        cCounts: bid.extra.split("c").length - 1,
      })),
  q15: (bids) => [...groupBy(bids, dayOf)].map(([day, group]) => ({ day, ...statisticsOf(group) })),
  q16: (bids) =>
    [...groupBy(bids, (bid) => `${dayOf(bid)} ${bid.channel}`)].map(([key, group]) => ({
      channel: key.slice(11),
      day: key.slice(0, 10),
      minute: group.map(minuteOf).toSorted().at(-1) ?? "",
      ...statisticsOf(group),
    })),
  q17: (bids) =>
    [...groupBy(bids, (bid) => `${dayOf(bid)} ${bid.auction}`)].map(([key, group]) => {
      const prices = group.map(({ price }) => price);
      const sumPrice = prices.reduce((sum, price) => sum + price, 0);
      return {
        auction: Number(key.slice(11)),
        day: key.slice(0, 10),
        ...countsOf(group),
        minPrice: -maxOf(prices.map((price) => -price)),
        maxPrice: maxOf(prices),
        avgPrice: Math.floor(sumPrice / prices.length),
        sumPrice,
      };
    }),
  q18: (bids) =>
    [...groupBy(bids, ({ bidder, auction }) => `${bidder} ${auction}`).values()].flatMap((group) =>
      group.slice(-1).map(withoutKind),
    ),
  q19: (bids) =>
    [...groupBy(bids, ({ auction }) => auction).values()].flatMap((group) =>
      group
        // The sort is stable, and bids come in the order of event time.
        .toSorted((left, right) => right.price - left.price)
        .slice(0, 10)
        .map((bid, index) => ({ ...withoutKind(bid), rankNumber: index + 1 })),
    ),
  q21: (bids) =>
    bids.flatMap(({ auction, bidder, price, channel, url }) => {
      const channelId = knownChannels.get(channel) ?? url.split("&channel_id=")[1];
      return channelId === undefined ? [] : [{ auction, bidder, price, channel, channelId }];
    }),
  q22: (bids) =>
    bids.map(({ auction, bidder, price, channel, url }) => {
      const [dir1 = "", dir2 = "", dir3 = ""] = new URL(url).pathname.slice(1).split("/");
      return { auction, bidder, price, channel, dir1, dir2, dir3 };
    }),
};

function withoutChannel({
  auction,
  bidder,
  price,
  dateTime,
  extra,
}: Bid): Pick<Bid, "auction" | "bidder" | "price" | "dateTime" | "extra"> {
  return { auction, bidder, price, dateTime, extra };
}

function withoutKind({ kind: _kind, ...bid }: Bid): Omit<Bid, "kind"> {
  return bid;
}

function toEuroCents({ price }: Bid): number {
  return (price * 908) / 1_000;
}

function slidingWindows(bids: readonly Bid[]): readonly (readonly Bid[])[] {
  const first = startOf(bids[0]?.dateTime ?? 0, 2_000) - 8_000;
  const last = bids.at(-1)?.dateTime ?? 0;
  const windows: (readonly Bid[])[] = [];
  for (let start = first; start <= last; start += 2_000) {
    windows.push(bids.filter(({ dateTime }) => dateTime >= start && dateTime < start + 10_000));
  }
  return windows;
}

function findHottest(window: readonly Bid[]): readonly { auction: number; num: number }[] {
  const groups = groupBy(window, ({ auction }) => auction);
  const most = maxOf([...groups.values()].map((group) => group.length));
  return [...groups]
    .filter(([, group]) => group.length === most)
    .map(([auction, { length: num }]) => ({ auction, num }));
}

function cutSessions(bids: readonly Bid[]): readonly NexmarkRows["q11"][] {
  const sessions: (readonly Bid[])[] = [];
  for (const bid of bids) {
    const current = sessions.at(-1);
    const previous = current?.at(-1);
    if (previous !== undefined && bid.dateTime - previous.dateTime <= 10_000) {
      sessions[sessions.length - 1] = [...(current ?? []), bid];
    } else sessions.push([bid]);
  }
  return sessions.map((session) => ({
    bidder: session[0]?.bidder ?? 0,
    bidCount: session.length,
    startTime: session[0]?.dateTime ?? 0,
    endTime: (session.at(-1)?.dateTime ?? 0) + 10_000,
  }));
}

function timeTypeOf(hour: number): NexmarkRows["q14"]["bidTimeType"] {
  if (hour >= 8 && hour <= 18) return "dayTime";
  return hour === 7 || hour === 19 ? "otherTime" : "nightTime";
}

function byRank(bids: readonly Bid[]): readonly (readonly Bid[])[] {
  const rankOf = (price: number): number => (price < 10_000 ? 1 : price < 1_000_000 ? 2 : 3);
  return [1, 2, 3].map((rank) => bids.filter(({ price }) => rankOf(price) === rank));
}

function countsOf(bids: readonly Bid[]): BidCounts {
  const [rank1Bids = 0, rank2Bids = 0, rank3Bids = 0] = byRank(bids).map(({ length }) => length);
  return { totalBids: bids.length, rank1Bids, rank2Bids, rank3Bids };
}

function statisticsOf(bids: readonly Bid[]): BidStatistics {
  const distinct = (of: readonly Bid[], field: "bidder" | "auction"): number =>
    new Set(of.map((bid) => bid[field])).size;
  const [rank1 = [], rank2 = [], rank3 = []] = byRank(bids);
  return {
    ...countsOf(bids),
    totalBidders: distinct(bids, "bidder"),
    rank1Bidders: distinct(rank1, "bidder"),
    rank2Bidders: distinct(rank2, "bidder"),
    rank3Bidders: distinct(rank3, "bidder"),
    totalAuctions: distinct(bids, "auction"),
    rank1Auctions: distinct(rank1, "auction"),
    rank2Auctions: distinct(rank2, "auction"),
    rank3Auctions: distinct(rank3, "auction"),
  };
}

function dayOf({ dateTime }: Bid): string {
  return new Date(dateTime).toISOString().slice(0, 10);
}

function minuteOf({ dateTime }: Bid): string {
  return new Date(dateTime).toISOString().slice(11, 16);
}

/** Returns the start of the window that holds a time; windows begin at multiples of their size. */
export function startOf(timeMs: number, sizeMs: number): number {
  return timeMs - (timeMs % sizeMs);
}

/** Returns values by key, in the order in which they came. */
export function groupBy<Key, Value>(
  values: readonly Value[],
  keyOf: (value: Value) => Key,
): ReadonlyMap<Key, readonly Value[]> {
  return Map.groupBy(values, keyOf);
}

/** Returns the greatest value, -Infinity if there is none; of any number of them. */
export function maxOf(values: readonly number[]): number {
  return values.reduce((greatest, value) => Math.max(greatest, value), -Infinity);
}
