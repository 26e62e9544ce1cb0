/*
 * Nexmark query 16, channel statistics report: the bids of a channel and day, and how many different bidders and
 * auctions they are of, in all and by rank. Updates: the last row of a channel and day counts. Parameters: see
 * `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { countBids, dayOf, toFields } from "./bid-statistics.ts";
import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q16", (job, params) => {
  countBids(readBids(job, params), (bid) => `${dayOf(bid)} ${bid.channel}`)
    .map((statistics) => ({
      channel: statistics.group.slice(11),
      day: statistics.group.slice(0, 10),
      minute: statistics.minute,
      ...toFields(statistics),
    }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
