/*
 * Nexmark query 4, average price for a category: what the auctions of a category went for on average. Updates
 * whenever an auction closes that somebody won: the last row of a category counts. Parameters: see
 * `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readEvents } from "./read-events.ts";
import { winningBids } from "./winning-bids.ts";

export default defineJob("nexmark-q4", (job, params) => {
  winningBids(readEvents(job, params))
    .map(({ category, price }) => ({ category, sumPrice: price, auctions: 1 }))
    .keyBy(({ category }) => category)
    .reduce("prices", (left, right) => ({
      category: left.category,
      sumPrice: left.sumPrice + right.sumPrice,
      auctions: left.auctions + right.auctions,
    }))
    // Whole cents.
    .map(({ category, sumPrice, auctions }) => ({
      id: category,
      final: Math.floor(sumPrice / auctions),
    }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
