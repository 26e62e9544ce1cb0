/*
 * Nexmark query 15, bidding statistics report: the bids of a day, and how many different bidders and auctions they
 * are of, in all and by rank. Updates: the last row of a day counts. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { countBids, dayOf, toFields } from "./bid-statistics.ts";
import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q15", (job, params) => {
  countBids(readBids(job, params), dayOf)
    .map((statistics) => ({ day: statistics.group, ...toFields(statistics) }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
