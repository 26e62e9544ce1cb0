/** Somebody who registered, and may sell and bid from then on. */
export interface Person {
  readonly kind: "person";
  /** Dense and ascending from 1,000. */
  readonly id: number;
  readonly name: string;
  readonly emailAddress: string;
  readonly creditCard: string;
  readonly city: string;
  /** One of AZ, CA, ID, OR, WA, WY. */
  readonly state: string;
  /** When it happened, in milliseconds since the epoch. */
  readonly dateTime: number;
  /** Padding: brings the record to about 200 bytes. */
  readonly extra: string;
}

/** An item that a person put up. */
export interface Auction {
  readonly kind: "auction";
  /** Dense and ascending from 1,000. */
  readonly id: number;
  readonly itemName: string;
  readonly description: string;
  /** In cents. */
  readonly initialBid: number;
  /** In cents; above the initial bid. */
  readonly reserve: number;
  /** When it was opened, in milliseconds since the epoch. */
  readonly dateTime: number;
  /** When it closes, in milliseconds since the epoch; later than `dateTime`. */
  readonly expires: number;
  /** A person of an earlier event. */
  readonly seller: number;
  /** 10 to 14. */
  readonly category: number;
  /** Padding: brings the record to about 500 bytes. */
  readonly extra: string;
}

/** What a person offers for an item. */
export interface Bid {
  readonly kind: "bid";
  /** An auction of an earlier event; it may have expired. */
  readonly auction: number;
  /** A person of an earlier event. */
  readonly bidder: number;
  /** In cents. */
  readonly price: number;
  /** Google, Facebook, Baidu, Apple, or one of 10,000 others. */
  readonly channel: string;
  readonly url: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly dateTime: number;
  /** Padding: brings the record to about 100 bytes, channel and url not counted. */
  readonly extra: string;
}

/** A record of the one stream that all queries read. */
export type NexmarkEvent = Person | Auction | Bid;
