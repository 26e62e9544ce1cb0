/*
 * Nexmark query 12, processing time windows: how many bids of a bidder came within 10 seconds, by the clock of the
 * machine that counts them. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, tumbling } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q12", (job, params) => {
  readBids(job, params)
    // Only what is counted crosses to the other worker.
    .map(({ bidder }) => ({ bidder }))
    .keyBy(({ bidder }) => bidder)
    // The last windows are still open when the events end, and are dropped then.
    .window(tumbling("10 seconds", { time: "processing" }))
    .count("bids")
    .map(({ key: bidder, value: bidCount, window }) => ({
      bidder,
      bidCount,
      startTime: window.start,
      endTime: window.end,
    }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
