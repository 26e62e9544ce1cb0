/*
 * Nexmark query 17, auction statistics report: the bids of an auction and day, in all and by rank, and their
 * prices. Updates: the last row of an auction and day counts. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q17", (job, params) => {
  readBids(job, params)
    .map(({ auction, dateTime, price }) => ({
      auction,
      day: new Date(dateTime).toISOString().slice(0, 10),
      totalBids: 1,
      rank1Bids: price < 10_000 ? 1 : 0,
      rank2Bids: price >= 10_000 && price < 1_000_000 ? 1 : 0,
      rank3Bids: price >= 1_000_000 ? 1 : 0,
      minPrice: price,
      maxPrice: price,
      sumPrice: price,
    }))
    .keyBy(({ auction, day }) => `${auction} ${day}`)
    .reduce(
      "statistics",
      (left, right) => ({
        auction: left.auction,
        day: left.day,
        totalBids: left.totalBids + right.totalBids,
        rank1Bids: left.rank1Bids + right.rank1Bids,
        rank2Bids: left.rank2Bids + right.rank2Bids,
        rank3Bids: left.rank3Bids + right.rank3Bids,
        minPrice: Math.min(left.minPrice, right.minPrice),
        maxPrice: Math.max(left.maxPrice, right.maxPrice),
        sumPrice: left.sumPrice + right.sumPrice,
      }),
      // Senders may send the statistics of several bids as one: half of all bids are for one auction.
      { combine: true },
    )
    .map((statistics) => ({
      ...statistics,
      avgPrice: Math.floor(statistics.sumPrice / statistics.totalBids),
    }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
