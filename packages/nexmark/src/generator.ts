import { draw, remainder, seedOf } from "./draw.ts";
import type { Auction, Bid, NexmarkEvent, Person } from "./event.ts";
import { parseGeneratorOptions, type GeneratorOptions } from "./options.ts";
import { createTexts, cut, type Channel } from "./text.ts";

/** Changes whenever an event does, so that a plan and a figure say which stream they mean. */
export const generatorVersion = 1;

/** Of 50 events in a row, in this order: 1 person, 3 auctions, 46 bids. */
const roundLength = 50;
const auctionsPerRound = 3;
const firstPersonId = 1_000;
const firstAuctionId = 1_000;
const firstCategory = 10;
const categoryCount = 5;
/** The hot person or auction changes when so many new ones have come. */
const hotBatch = 100;
const activePersons = 1_000;
const openAuctions = 100;

const personBytes = 200;
const auctionBytes = 500;
const bidBytes = 100;
/** Numbers count 8 bytes each. */
const personFixedBytes = 16;
const auctionFixedBytes = 56;
const bidPaddingBytes = bidBytes - 32;
const bidPaddingSpread = 14;

const firstNames = "Ada,Boris,Clara,Dmitri,Edith,Farid,Greta,Hugo,Ines,Jonas,Kira".split(",");
const lastNames = "Abel,Brandt,Cruz,Dahl,Eriksen,Fuchs,Garcia,Hansen,Ivanov".split(",");
const cities =
  "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(",");
const states = "AZ,CA,ID,OR,WA,WY".split(",");
/** Of a card's number: printing them anew would cost half of a person. */
const fourDigits = Array.from({ length: 10_000 }, (_, index) => String(10_000 + index).slice(1));
const decades = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000] as const;
const decadeCount = 6;

/**
 * Makes the events of the Nexmark benchmark. Knows nothing of splits, arrival, or other events.
 *
 * I1 An event is a pure function of its number and the options.
 * I2 What an event refers to has a lower number.
 * I3 Event time rises with the number.
 *
 * Proportions, ratios, ranges and sizes are those of the generator of Apache Beam and nexmark-flink,
 * with two differences: nothing refers to persons and auctions that are yet to come, and prices are
 * uniform within each decade of 1 to 1,000,000 dollars, which are equally likely, so that integers
 * suffice.
 */
export class NexmarkGenerator {
  readonly #pool: string;
  readonly #hotChannels: readonly Channel[];
  readonly #channels: readonly Channel[];
  readonly #firstEventAtMs: number;
  readonly #intervalMicros: number;
  readonly #hotAuctionRatio: number;
  readonly #hotSellerRatio: number;
  readonly #hotBidderRatio: number;
  /** Until as many auctions as are open at a time have come; auctions last as long on average. */
  readonly #meanAuctionMs: number;

  /** Takes some 10 ms; throws `invalid-argument`. */
  constructor(options: GeneratorOptions = {}) {
    const parsed = parseGeneratorOptions(options);
    const { pool, hotChannels, channels } = createTexts();
    this.#pool = pool;
    this.#hotChannels = hotChannels;
    this.#channels = channels;
    this.#firstEventAtMs = parsed.firstEventAtMs;
    this.#intervalMicros = parsed.intervalMicros;
    this.#hotAuctionRatio = parsed.hotAuctionRatio;
    this.#hotSellerRatio = parsed.hotSellerRatio;
    this.#hotBidderRatio = parsed.hotBidderRatio;
    const openEvents = Math.floor((openAuctions * roundLength) / auctionsPerRound);
    this.#meanAuctionMs = Math.floor((openEvents * parsed.intervalMicros) / 1_000);
  }

  /** Returns event `number`, a whole number from 0. */
  event(number: number): NexmarkEvent {
    const round = Math.floor(number / roundLength);
    const offset = number - round * roundLength;
    if (offset > auctionsPerRound) return this.#bid(number, round);
    if (offset === 0) return this.#person(number, round);
    return this.#auction(number, { round, index: offset - 1 });
  }

  /** Returns the event time of event `number` in milliseconds since the epoch. */
  eventTimeMs(number: number): number {
    return this.#firstEventAtMs + Math.floor((number * this.#intervalMicros) / 1_000);
  }

  #person(number: number, round: number): Person {
    const seed = seedOf(number);
    const pool = this.#pool;
    const names = draw(seed, 0);
    const name = `${pick(firstNames, names)} ${pick(lastNames, names >>> 8)}`;
    const first = cut(pool, draw(seed, 1), 3 + (draw(seed, 1) & 3));
    const emailAddress = `${first}@${cut(pool, draw(seed, 2), 3 + (draw(seed, 2) & 1))}.com`;
    const creditCard = `${digits(seed, 3)} ${digits(seed, 4)} ${digits(seed, 5)} ${digits(seed, 6)}`;
    const city = pick(cities, draw(seed, 7));
    const state = pick(states, draw(seed, 8));
    const size = personFixedBytes + name.length + emailAddress.length + creditCard.length;
    const extra = this.#pad(draw(seed, 9), personBytes - size - city.length - state.length);
    return {
      kind: "person",
      id: firstPersonId + round,
      name,
      emailAddress,
      creditCard,
      city,
      state,
      dateTime: this.eventTimeMs(number),
      extra,
    };
  }

  #auction(
    number: number,
    { round, index }: { readonly round: number; readonly index: number },
  ): Auction {
    const seed = seedOf(number);
    const dateTime = this.eventTimeMs(number);
    const hot = Math.floor(round / hotBatch) * hotBatch;
    const seller =
      remainder(draw(seed, 0), this.#hotSellerRatio) > 0 ? hot : recentPerson(round, seed);
    const initialBid = priceOf(draw(seed, 2));
    const itemName = cut(this.#pool, draw(seed, 3), 3 + (draw(seed, 3) & 15));
    const description = cut(this.#pool, draw(seed, 4), 3 + ((draw(seed, 4) & 0xffff) % 97));
    const size = auctionFixedBytes + itemName.length + description.length;
    return {
      kind: "auction",
      id: firstAuctionId + round * auctionsPerRound + index,
      itemName,
      description,
      initialBid,
      reserve: initialBid + priceOf(draw(seed, 5)),
      dateTime,
      expires: dateTime + 1 + remainder(draw(seed, 6), 2 * this.#meanAuctionMs + 1),
      seller: firstPersonId + seller,
      category: firstCategory + remainder(draw(seed, 7), categoryCount),
      extra: this.#pad(draw(seed, 8), auctionBytes - size),
    };
  }

  #bid(number: number, round: number): Bid {
    const seed = seedOf(number);
    const choices = draw(seed, 0);
    const lastAuction = round * auctionsPerRound + auctionsPerRound - 1;
    const auction =
      remainder(choices, this.#hotAuctionRatio) > 0
        ? lastAuction - (lastAuction % hotBatch)
        : recentAuction(lastAuction, seed);
    // The second of a hundred: the first is the hot seller.
    const hot = round - (round % hotBatch) + 1;
    const bidder =
      remainder(choices >>> 8, this.#hotBidderRatio) > 0
        ? Math.min(hot, round)
        : recentPerson(round, seed);
    const choice = draw(seed, 3);
    const channels = (choice & 1) === 0 ? this.#hotChannels : this.#channels;
    const channel = pick(channels, choice >>> 1);
    const drawn = draw(seed, 4);
    const paddingBytes = bidPaddingBytes - bidPaddingSpread + (drawn % (2 * bidPaddingSpread));
    return {
      kind: "bid",
      auction: firstAuctionId + auction,
      bidder: firstPersonId + bidder,
      price: priceOf(draw(seed, 5)),
      channel: channel.name,
      url: channel.url,
      dateTime: this.eventTimeMs(number),
      extra: cut(this.#pool, drawn, paddingBytes),
    };
  }

  /** Returns padding of `bytes` on average, a fifth more or less. */
  #pad(drawn: number, bytes: number): string {
    const spread = Math.round(bytes * 0.2);
    return cut(this.#pool, drawn, bytes - spread + remainder(drawn & 0xffff, 2 * spread));
  }
}

/** Returns one of the persons that count as active; `lastPerson` is the latest, all from 0. */
function recentPerson(lastPerson: number, seed: number): number {
  return lastPerson - remainder(draw(seed, 1), Math.min(lastPerson + 1, activePersons));
}

/** Returns one of the auctions that are likely to be open; `lastAuction` is the latest, from 0. */
function recentAuction(lastAuction: number, seed: number): number {
  return lastAuction - remainder(draw(seed, 2), Math.min(lastAuction + 1, openAuctions));
}

/** Returns cents from 100 to 99,999,999; each decade is as likely as another. */
function priceOf(drawn: number): number {
  const from = decades[drawn % decadeCount] ?? 100;
  return from + remainder((drawn / decadeCount) >>> 0, 9 * from);
}

function digits(seed: number, index: number): string {
  return pick(fourDigits, draw(seed, index));
}

function pick<T>(values: readonly T[], drawn: number): T {
  const value = values[remainder(drawn, values.length)];
  if (value === undefined) throw new Error("nothing to pick from");
  return value;
}
