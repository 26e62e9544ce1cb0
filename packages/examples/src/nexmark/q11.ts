/*
 * Nexmark query 11, user sessions: how many bids a bidder made in a row, with at most 10 seconds from one to the
 * next. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, session } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q11", (job, params) => {
  readBids(job, params)
    // Only what is counted crosses to the other worker.
    .map(({ bidder }) => ({ bidder }))
    .keyBy(({ bidder }) => bidder)
    .window(session("10 seconds"))
    .count("sessions")
    .map(({ key: bidder, value: bidCount, window }) => ({
      bidder,
      bidCount,
      startTime: window.start,
      endTime: window.end,
    }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
