/*
 * Nexmark query 9, winning bids: every auction with its highest valid bid, once it has closed; of equal bids the
 * first one wins. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readEvents } from "./read-events.ts";
import { winningBids } from "./winning-bids.ts";

export default defineJob("nexmark-q9", (job, params) => {
  winningBids(readEvents(job, params)).sink("rows", jsonLines({ path: outputFolder(params) }));
});
