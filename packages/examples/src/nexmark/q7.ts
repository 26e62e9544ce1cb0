/*
 * Nexmark query 7, highest bid: the highest bids of every 10 seconds; all of them if several are as high.
 * Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, tumbling } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

/** What is kept of a bid. */
interface PlainBid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly dateTime: number;
  readonly extra: string;
}

export default defineJob("nexmark-q7", (job, params) => {
  readBids(job, params)
    .map(({ auction, bidder, price, dateTime, extra }): PlainBid => ({
      auction,
      bidder,
      price,
      dateTime,
      extra,
    }))
    // One key for all bids of a window. Senders fold theirs to the highest first, as the aggregate has a
    // `merge`, so one subtask has little to do with it.
    .keyBy(({ dateTime }) => Math.floor(dateTime / 10_000))
    .window(tumbling("10 seconds"))
    .aggregate("highest", {
      create: (): PlainBid[] => [],
      add: (highest, bid) => {
        const price = highest[0]?.price ?? 0;
        if (bid.price > price) return [bid];
        if (bid.price === price) highest.push(bid);
        return highest;
      },
      merge: (highest, others) => {
        const price = highest[0]?.price ?? 0;
        const otherPrice = others[0]?.price ?? 0;
        if (otherPrice > price) return [...others];
        if (otherPrice === price) highest.push(...others);
        return highest;
      },
      result: (highest) => highest,
    })
    .flatMap((highest) => highest)
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
