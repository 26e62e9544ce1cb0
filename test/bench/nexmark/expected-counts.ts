import {
  NexmarkGenerator,
  type Auction,
  type Bid,
  type NexmarkEvent,
  type Person,
} from "@millrace/nexmark";

import type { BenchedQuery } from "./counted-rows.ts";

/** What the rows of one query come to, by one plain pass over all events in the order of event time. */
interface Counter {
  readonly add: (event: NexmarkEvent) => void;
  readonly total: () => number;
}

/** Queries with a row for each bid, or that count them all. */
const ofAllBids: ReadonlySet<BenchedQuery> = new Set([
  "q0",
  "q1",
  "q10",
  "q12",
  "q13",
  "q15",
  "q18",
  "q22",
] as const);

const counters: Partial<Readonly<Record<BenchedQuery, () => Counter>>> = {
  q2: () => countBidsThat(({ auction }) => auction % 123 === 0),
  q3: countNearbyAuctions,
  q4: countWonAuctions,
  q5: countHottest,
  q6: countWonAuctions,
  q7: countHighest,
  q8: countNewSellers,
  q9: countWonAuctions,
  q11: countSessions,
  q14: () =>
    countBidsThat(({ price }) => price * 908 > 1_000_000_000 && price * 908 < 50_000_000_000),
  q16: () => countMostBidsBy(({ channel }) => channel),
  q17: () => countMostBidsBy(({ auction }) => auction),
  q19: findHighestPrice,
  q20: countBidsOfCategory10,
  q21: () =>
    countBidsThat(({ channel, url }) => knownChannels.has(channel) || url.includes("&channel_id=")),
};

const knownChannels: ReadonlySet<string> = new Set(["Apple", "Google", "Facebook", "Baidu"]);
const windowMs = 10_000;
const slideMs = 2_000;
const slidesPerWindow = 5;

/**
 * Returns what the rows of a query over so many events come to, as `countedRows` counts them; 0.1 to 2 us an event.
 * Row by row, DuckDB has checked the same jobs on fewer events.
 */
export function expectCount(
  query: BenchedQuery,
  { events, intervalMicros }: { readonly events: number; readonly intervalMicros: number },
): number {
  if (query === "source") return events;
  if (ofAllBids.has(query)) return Math.floor(events / 50) * 46 + Math.max(0, (events % 50) - 4);
  const counter = counters[query]?.();
  if (counter === undefined) throw new Error(`nobody counts the rows of ${query}`);
  const generator = new NexmarkGenerator({ intervalMicros });
  for (let number = 0; number < events; number += 1) counter.add(generator.event(number));
  return counter.total();
}

function countBids(add: (bid: Bid) => void, total: () => number): Counter {
  return { add: (event) => (event.kind === "bid" ? add(event) : undefined), total };
}

function countBidsThat(isCounted: (bid: Bid) => boolean): Counter {
  let count = 0;
  return countBids(
    (bid) => void (isCounted(bid) ? (count += 1) : 0),
    () => count,
  );
}

function countMostBidsBy(groupOf: (bid: Bid) => unknown): Counter {
  const counts = new Map<unknown, number>();
  return countBids(
    (bid) => void counts.set(groupOf(bid), (counts.get(groupOf(bid)) ?? 0) + 1),
    () => greatest(counts),
  );
}

function findHighestPrice(): Counter {
  let highest = 0;
  return countBids(
    ({ price }) => void (highest = Math.max(highest, price)),
    () => highest,
  );
}

function countSessions(): Counter {
  const lastOf = new Map<number, number>();
  let sessions = 0;
  return countBids(
    ({ bidder, dateTime }) => {
      if (dateTime - (lastOf.get(bidder) ?? -Infinity) > windowMs) sessions += 1;
      lastOf.set(bidder, dateTime);
    },
    () => sessions,
  );
}

/** The highest bids of tumbling windows, several where they are as high. */
function countHighest(): Counter {
  let window = Number.NaN;
  let highest = 0;
  let ties = 0;
  let count = 0;
  return countBids(
    ({ price, dateTime }) => {
      if (Math.floor(dateTime / windowMs) !== window) {
        count += ties;
        window = Math.floor(dateTime / windowMs);
        highest = 0;
      }
      if (price > highest) ties = 0;
      highest = Math.max(highest, price);
      if (price === highest) ties += 1;
    },
    () => count + ties,
  );
}

/** The hottest auctions of sliding windows, several where they have as many bids. */
function countHottest(): Counter {
  let slide = Number.NaN;
  let counts = new Map<number, number>();
  const closed: ReadonlyMap<number, number>[] = [];
  let hottest = 0;
  /** Ends a slide, and the window that ends with it. */
  const close = (): void => {
    closed.push(counts);
    if (closed.length > slidesPerWindow) closed.shift();
    const window = new Map<number, number>();
    for (const [auction, count] of closed.flatMap((each) => [...each])) {
      window.set(auction, (window.get(auction) ?? 0) + count);
    }
    const most = greatest(window);
    for (const count of window.values()) if (count === most) hottest += 1;
    counts = new Map();
    slide += 1;
  };
  return countBids(
    ({ auction, dateTime }) => {
      const current = Math.floor(dateTime / slideMs);
      if (Number.isNaN(slide)) slide = current;
      while (slide < current) close();
      counts.set(auction, (counts.get(auction) ?? 0) + 1);
    },
    () => {
      for (let rest = 0; rest < slidesPerWindow; rest += 1) close();
      return hottest;
    },
  );
}

/** Of what refers to something, that came before it. */
function countJoined(
  add: { readonly [Kind in NexmarkEvent["kind"]]?: (event: NexmarkEvent & { kind: Kind }) => void },
  total: () => number,
): Counter {
  return {
    add: (event) => {
      if (event.kind === "person") add.person?.(event);
      else if (event.kind === "auction") add.auction?.(event);
      else add.bid?.(event);
    },
    total,
  };
}

function countNearbyAuctions(): Counter {
  const nearby = new Set<number>();
  let count = 0;
  return countJoined(
    {
      person: ({ id, state }: Person) => {
        if (state === "OR" || state === "ID" || state === "CA") nearby.add(id);
      },
      auction: ({ seller, category }: Auction) => {
        if (category === 10 && nearby.has(seller)) count += 1;
      },
    },
    () => count,
  );
}

function countNewSellers(): Counter {
  const windowOf = new Map<number, number>();
  const sellers = new Set<number>();
  return countJoined(
    {
      person: ({ id, dateTime }: Person) => void windowOf.set(id, Math.floor(dateTime / windowMs)),
      auction: ({ seller, dateTime }: Auction) => {
        if (windowOf.get(seller) === Math.floor(dateTime / windowMs)) sellers.add(seller);
      },
    },
    () => sellers.size,
  );
}

/** The first bid for an auction decides: if that one is too late, so are all others. */
function countWonAuctions(): Counter {
  const expiresOf = new Map<number, number>();
  let won = 0;
  return countJoined(
    {
      auction: ({ id, expires }: Auction) => void expiresOf.set(id, expires),
      bid: ({ auction, dateTime }: Bid) => {
        if (dateTime <= (expiresOf.get(auction) ?? -Infinity)) won += 1;
        expiresOf.delete(auction);
      },
    },
    () => won,
  );
}

function countBidsOfCategory10(): Counter {
  const wanted = new Set<number>();
  let count = 0;
  return countJoined(
    {
      auction: ({ id, category }: Auction) => void (category === 10 && wanted.add(id)),
      bid: ({ auction }: Bid) => void (wanted.has(auction) ? (count += 1) : 0),
    },
    () => count,
  );
}

function greatest(counts: ReadonlyMap<unknown, number>): number {
  let most = 0;
  for (const count of counts.values()) most = Math.max(most, count);
  return most;
}
