/*
 * Nexmark query 20, expand bid with auction: every bid for an auction of category 10, with the auction. A join
 * without an end: auctions are kept, as bids may come at any time. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import type { Auction, Bid } from "@millrace/nexmark";
import { defineJob, state, type } from "millrace";

import { outputFolder, readEvents } from "./read-events.ts";

const wantedCategory = 10;

export default defineJob("nexmark-q20", (job, params) => {
  const events = readEvents(job, params);
  const auctions = events.filter((event) => event.kind === "auction");
  const bids = events.filter((event) => event.kind === "bid");

  auctions
    .keyBy(({ id }) => id)
    .connect(bids.keyBy(({ auction }) => auction))
    .process("bids-with-auctions", {
      emits: type<ReturnType<typeof expand>>(),
      state: {
        // Of auctions of other categories only that their bids are not wanted.
        auction: state.value<Auction | "unwanted">(),
        // Bids that came before their auction, from another split.
        early: state.list<Bid>(),
      },
      onFirst(auction, ctx) {
        const isWanted = auction.category === wantedCategory;
        ctx.state.auction.set(isWanted ? auction : "unwanted");
        if (isWanted) for (const bid of ctx.state.early.get()) ctx.emit(expand(bid, auction));
        ctx.state.early.clear();
      },
      onSecond(bid, ctx) {
        const auction = ctx.state.auction.get();
        if (auction === undefined) ctx.state.early.add(bid);
        else if (auction !== "unwanted") ctx.emit(expand(bid, auction));
      },
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});

function expand(
  { kind: _bid, dateTime: bidDateTime, extra: bidExtra, ...bid }: Bid,
  { kind: _auction, id: _id, dateTime: auctionDateTime, extra: auctionExtra, ...auction }: Auction,
) {
  return { ...bid, bidDateTime, bidExtra, ...auction, auctionDateTime, auctionExtra };
}
