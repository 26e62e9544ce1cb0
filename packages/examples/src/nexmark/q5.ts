/*
 * Nexmark query 5, hot items: which auctions got the most bids in the last 10 seconds, every 2 seconds; all
 * of them if several got as many. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, sliding, tumbling } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q5", (job, params) => {
  readBids(job, params)
    // Only what is counted crosses to the other worker.
    .map(({ auction }) => ({ auction }))
    .keyBy(({ auction }) => auction)
    .window(sliding("10 seconds", "2 seconds"))
    .count("bids")
    // A result has the last moment of its window as event time. So each 2 seconds hold the counts of
    // exactly one window, and its end as the key spreads windows over the subtasks.
    .keyBy(({ window }) => window.end)
    .window(tumbling("2 seconds"))
    .aggregate("hottest", {
      create: (): { auctions: number[]; num: number } => ({ auctions: [], num: 0 }),
      add: (hottest, { key: auction, value: num }) => {
        if (num > hottest.num) return { auctions: [auction], num };
        if (num === hottest.num) hottest.auctions.push(auction);
        return hottest;
      },
      merge: (hottest, other) => {
        if (other.num > hottest.num) return { auctions: [...other.auctions], num: other.num };
        if (other.num === hottest.num) hottest.auctions.push(...other.auctions);
        return hottest;
      },
      result: ({ auctions, num }) => auctions.map((auction) => ({ auction, num })),
    })
    .flatMap((rows) => rows)
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
