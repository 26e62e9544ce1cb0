import type { Auction, Bid, NexmarkEvent } from "@millrace/nexmark";
import { state, type, type DataStream } from "millrace";

/** An auction that has closed, with the bid that won it. */
export interface WinningBid extends Omit<Auction, "kind"> {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly bidDateTime: number;
  readonly bidExtra: string;
}

/** What is kept of a bid. */
type Offer = Pick<Bid, "bidder" | "price" | "dateTime" | "extra">;

/**
 * Returns each auction with its highest valid bid, once it has closed, with its expiry as event time; of equal
 * bids the first one wins. An auction without a valid bid gives nothing.
 */
export function winningBids(events: DataStream<NexmarkEvent>): DataStream<WinningBid> {
  const auctions = events.filter((event) => event.kind === "auction");
  const bids = events.filter((event) => event.kind === "bid");

  return auctions
    .keyBy(({ id }) => id)
    .connect(bids.keyBy(({ auction }) => auction))
    .process("winning-bids", {
      emits: type<WinningBid>(),
      state: {
        open: state.value<Auction>(),
        best: state.value<Offer>(),
        // Bids that came before their auction, from another split.
        early: state.list<Offer>(),
      },
      onFirst(auction, ctx) {
        const { open, best, early } = ctx.state;
        open.set(auction);
        ctx.timers.atEventTime(auction.expires);
        for (const offer of early.get()) {
          if (isBetter(offer, { auction, best: best.get() })) best.set(offer);
        }
        early.clear();
      },
      onSecond({ bidder, price, dateTime, extra }, ctx) {
        const { open, best, early } = ctx.state;
        const offer = { bidder, price, dateTime, extra };
        const auction = open.get();
        if (auction === undefined) {
          early.add(offer);
          ctx.timers.atEventTime(dateTime);
        } else if (isBetter(offer, { auction, best: best.get() })) best.set(offer);
      },
      onTimer(timeMs, ctx) {
        const { open, best, early } = ctx.state;
        const auction = open.get();
        // An auction is older than its bids. Where event time has reached a bid without an auction, the
        // auction was here and has closed.
        if (auction === undefined) early.clear();
        if (auction?.expires !== timeMs) return;
        const offer = best.get();
        if (offer !== undefined) ctx.emit(toWinningBid(auction, offer));
        open.clear();
        best.clear();
      },
    });
}

function isBetter(
  offer: Offer,
  { auction, best }: { readonly auction: Auction; readonly best: Offer | undefined },
): boolean {
  if (offer.dateTime < auction.dateTime || offer.dateTime > auction.expires) return false;
  if (best === undefined || offer.price > best.price) return true;
  return offer.price === best.price && offer.dateTime < best.dateTime;
}

function toWinningBid({ kind: _kind, ...auction }: Auction, offer: Offer): WinningBid {
  return {
    ...auction,
    auction: auction.id,
    bidder: offer.bidder,
    price: offer.price,
    bidDateTime: offer.dateTime,
    bidExtra: offer.extra,
  };
}
