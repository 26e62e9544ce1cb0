import { createHash } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import type { NexmarkEvent } from "./event.ts";
import { NexmarkGenerator } from "./generator.ts";

const generator = new NexmarkGenerator();
const eventNumber = fc.oneof(
  fc.nat({ max: 1_000_000 }),
  // Some 2,850 years at 1 ms an event, and beyond what 32 bits hold.
  fc.integer({ min: 0, max: 90_000_000_000_000 }),
);

function takeEvents(count: number): readonly NexmarkEvent[] {
  return Array.from({ length: count }, (_, number) => generator.event(number));
}

/** Returns the number of the event that made a person or an auction. */
function eventOfPerson(id: number): number {
  return (id - 1_000) * 50;
}

function eventOfAuction(id: number): number {
  const index = id - 1_000;
  return Math.floor(index / 3) * 50 + 1 + (index % 3);
}

test("an event is a function of its number alone: I1", () => {
  const other = new NexmarkGenerator();
  fc.assert(
    fc.property(eventNumber, eventNumber, (number, before) => {
      const expected = generator.event(number);
      other.event(before);
      expect(other.event(number)).toEqual(expected);
    }),
  );
});

test("of fifty events one is a person, three are auctions, 46 are bids", () => {
  fc.assert(
    fc.property(eventNumber, (number) => {
      const offset = number % 50;
      const kind = offset === 0 ? "person" : offset <= 3 ? "auction" : "bid";
      expect(generator.event(number).kind).toBe(kind);
    }),
  );
});

/** Returns the numbers of the events that an event names: itself, and those that it refers to. */
function eventsNamedBy(event: NexmarkEvent): {
  readonly own?: number;
  readonly references: readonly number[];
} {
  switch (event.kind) {
    case "person":
      return { own: eventOfPerson(event.id), references: [] };
    case "auction":
      return { own: eventOfAuction(event.id), references: [eventOfPerson(event.seller)] };
    case "bid":
      return { references: [eventOfAuction(event.auction), eventOfPerson(event.bidder)] };
  }
}

test("ids are dense: an event has the id of its number, and what it refers to came before it: I2", () => {
  fc.assert(
    fc.property(eventNumber, (number) => {
      const { own = number, references } = eventsNamedBy(generator.event(number));
      expect(own).toBe(number);
      expect(references.every((earlier) => earlier >= 0 && earlier < number)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test("event time goes on by the interval, rounded down to a millisecond: I3", () => {
  const options = fc.record({
    firstEventAtMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    intervalMicros: fc.integer({ min: 1, max: 10_000 }),
  });
  fc.assert(
    fc.property(options, fc.nat({ max: 10_000_000 }), (given, number) => {
      const paced = new NexmarkGenerator(given);
      const offsetMicros = (paced.event(number).dateTime - given.firstEventAtMs) * 1_000;
      const exactMicros = number * given.intervalMicros;
      expect(offsetMicros).toBeLessThanOrEqual(exactMicros);
      expect(offsetMicros).toBeGreaterThan(exactMicros - 1_000);
      expect(paced.eventTimeMs(number)).toBe(paced.event(number).dateTime);
    }),
    { numRuns: 20 },
  );
});

test("an auction closes after it opened, on average when a hundred others have been opened", () => {
  const auctions = takeEvents(100_000).filter((event) => event.kind === "auction");
  const lengths = auctions.map(({ dateTime, expires }) => expires - dateTime);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(1 + 2 * 1_666);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  expect(mean).toBeGreaterThan(1_600);
  expect(mean).toBeLessThan(1_730);
});

test("half of the bids, three quarters of bidders and sellers are hot, as the ratios say", () => {
  const events = takeEvents(200_000).slice(100_000);
  const bids = events.filter((event) => event.kind === "bid");
  const auctions = events.filter((event) => event.kind === "auction");
  const share = (values: readonly boolean[]): number =>
    values.filter(Boolean).length / values.length;
  expect(share(bids.map(({ auction }) => auction % 100 === 0))).toBeCloseTo(0.5, 1);
  expect(share(bids.map(({ bidder }) => bidder % 100 === 1))).toBeCloseTo(0.75, 1);
  expect(share(auctions.map(({ seller }) => seller % 100 === 0))).toBeCloseTo(0.75, 1);

  const cold = new NexmarkGenerator({ hotAuctionRatio: 1, hotBidderRatio: 1, hotSellerRatio: 1 });
  const coldBids = Array.from({ length: 50_000 }, (_, number) => cold.event(100_000 + number));
  const coldShare = coldBids.filter((event) => event.kind === "bid" && event.auction % 100 === 0);
  expect(coldShare.length / coldBids.length).toBeLessThan(0.02);
});

test("prices spread evenly over six decades, and categories and states over all their values", () => {
  const events = takeEvents(200_000);
  const bids = events.filter((event) => event.kind === "bid");
  const decades = new Map<number, number>();
  for (const { price } of bids) {
    const decade = String(price).length;
    decades.set(decade, (decades.get(decade) ?? 0) + 1);
  }
  expect(new Set(decades.keys())).toEqual(new Set([3, 4, 5, 6, 7, 8]));
  for (const count of decades.values()) expect(count / bids.length).toBeCloseTo(1 / 6, 1);
  const categories = events.flatMap((event) => (event.kind === "auction" ? [event.category] : []));
  expect(new Set(categories)).toEqual(new Set([10, 11, 12, 13, 14]));
  const states = events.flatMap((event) => (event.kind === "person" ? [event.state] : []));
  expect([...new Set(states)].toSorted()).toEqual(["AZ", "CA", "ID", "OR", "WA", "WY"]);
});

test("half of the bids come by four channels, and of the others nine in ten have an id in the url", () => {
  const bids = takeEvents(100_000).filter((event) => event.kind === "bid");
  const others = bids.filter(({ channel }) => channel.startsWith("channel-"));
  expect(others.length / bids.length).toBeCloseTo(0.5, 1);
  const named = others.filter(({ url }) => /&channel_id=\d+$/.test(url));
  expect(named.length / others.length).toBeCloseTo(0.9, 1);
  for (const { url } of bids.slice(0, 1_000)) {
    expect(url).toMatch(
      /^https:\/\/www\.nexmark\.com\/[a-z]+\/[a-z]+\/[a-z]+\/item\.htm\?query=1(&channel_id=\d+)?$/,
    );
  }
});

test("records have the sizes of the benchmark", () => {
  const sizes = new Map<string, number[]>();
  for (const event of takeEvents(100_000)) {
    const { kind, ...fields } = event;
    // Channel and url come on top.
    const counted = Object.entries(fields).filter(([name]) => name !== "channel" && name !== "url");
    const bytes = counted.reduce(
      (sum, [, value]) => sum + (typeof value === "string" ? value.length : 8),
      0,
    );
    sizes.set(kind, [...(sizes.get(kind)?.slice(-999) ?? []), bytes]);
  }
  const means = [...sizes].map(([kind, bytes]) => [
    kind,
    Math.round(bytes.reduce((sum, size) => sum + size, 0) / bytes.length / 10) * 10,
  ]);
  expect(Object.fromEntries(means)).toEqual({ person: 200, auction: 500, bid: 100 });
});

test("the events of version 1 are these, for ever", () => {
  const hash = createHash("sha256");
  for (const event of takeEvents(100_000)) hash.update(JSON.stringify(event));
  expect(hash.digest("hex")).toBe(
    "866121f23811ca478a5726baa9e14eb2f336e13e9f66ea94cd4851915c11bb66",
  );
  expect([generator.event(0), generator.event(1), generator.event(4)]).toEqual([
    {
      kind: "person",
      id: 1000,
      name: "Ines Ivanov",
      emailAddress: "htez@pmha.com",
      creditCard: "2571 9826 2161 9232",
      city: "Boise",
      state: "ID",
      dateTime: 1436918400000,
      extra:
        "bvmyvzzbuvpfqlnlyqxbavvtitclzttypcrvjnlcnchwrukxdxwxhmxycfsrkreowzamjwjvhrffpyyjrtixgkymhlcqjjutrqnorokvyjlevgmxdncyiyoioeiziajzvheuqaumakzacynsxaz",
    },
    {
      kind: "auction",
      id: 1000,
      itemName: "cbzyfpidnns",
      description:
        "mvpxihdtnbmlxswgqzpdhvigejnrhzvhcswztjjaqverhzqklvhighapowaipmvzhveaeupzujbhottrz",
      initialBid: 742758,
      reserve: 1213036,
      dateTime: 1436918400001,
      expires: 1436918402018,
      seller: 1000,
      category: 14,
      extra:
        "wsuuxrfxuvnynvpqnikkcxvwtxhpcdqyvmxvjncfzqpafgafelssqynqsaxclcaussedisantdvataplxarkzusznbnnypztkogslpdgoutktczyrwiqkehxuvsmecprptlkbyddzsarqaxqhjyupurfvtufdmdzktgvcrnxbferjkctmalcfrgamrmjmryinxcshnatqqjgogmwdjsawiblipksdsucavegnpnvkzjznmvqnkrruyzzkugnjprqttityysmhqxkayjengfvpbfihlnolqwrlmwkimorfomlagzxwruhjmusiehyerdkqfnddzowgouzhddihkccmllifodzmegsypmuhfwmpowqvxiunaqwvxzdbaxrxnjsdjsifjvljrslyuclqswemzsbigaxgm",
    },
    {
      kind: "bid",
      auction: 1000,
      bidder: 1000,
      price: 164473,
      channel: "Facebook",
      url: "https://www.nexmark.com/wbe/pmib/pfe/item.htm?query=1",
      dateTime: 1436918400004,
      extra: "hggwhoitlrgroicuuyaxxgynkkeqbtnyykkhmxuglabsodqobgthtuwcqwjvymjgnbpdlqetoesflnva",
    },
  ]);
});

test.each([
  { firstEventAtMs: 0.5 },
  { intervalMicros: 0 },
  { hotAuctionRatio: -1 },
  { hotSellerRatio: Number.NaN },
  { hotBidderRatio: 1.5 },
])("an option that makes no sense is refused by name: %o", (options) => {
  const [name = ""] = Object.keys(options);
  expect(() => new NexmarkGenerator(options)).toThrow(name);
});
