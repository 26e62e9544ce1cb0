/*
 * Nexmark query 9, winning bids: every auction with its highest valid bid, once it has closed; of equal bids the
 * first one wins. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import type { Auction, Bid } from "@millrace/nexmark";
import { defineJob, state, type } from "millrace";

import { outputFolder, readEvents } from "./read-events.ts";

interface WinningBid extends Omit<Auction, "kind"> {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly bidDateTime: number;
  readonly bidExtra: string;
}

/** What is kept of a bid. */
type Offer = Pick<Bid, "bidder" | "price" | "dateTime" | "extra">;

export default defineJob("nexmark-q9", (job, params) => {
  readEvents(job, params)
    .filter((event) => event.kind !== "person")
    .keyBy((event) => (event.kind === "auction" ? event.id : event.auction))
    .process("winning-bids", {
      emits: type<WinningBid>(),
      state: {
        open: state.value<Auction>(),
        best: state.value<Offer>(),
        // Bids that came before their auction, from another split.
        early: state.value<readonly Offer[]>(),
      },
      onRecord(event, ctx) {
        const { open, best, early } = ctx.state;
        if (event.kind === "auction") {
          open.set(event);
          ctx.timers.atEventTime(event.expires);
          for (const offer of early.get() ?? []) {
            if (isBetter(offer, { auction: event, best: best.get() })) best.set(offer);
          }
          early.clear();
          return;
        }
        const { bidder, price, dateTime, extra } = event;
        const offer = { bidder, price, dateTime, extra };
        const auction = open.get();
        if (auction === undefined) {
          early.update((offers = []) => [...offers, offer]);
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
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});

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
