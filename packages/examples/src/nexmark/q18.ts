/*
 * Nexmark query 18, find last bid: the last bid of a bidder for an auction. Updates: of the rows of a bidder and
 * auction the one with the latest bid counts. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q18", (job, params) => {
  readBids(job, params)
    .map(({ kind: _kind, ...bid }) => bid)
    .keyBy(({ bidder, auction }) => ({ bidder, auction }))
    // By event time: what comes later may be older.
    .reduce("last-bid", (last, bid) => (bid.dateTime >= last.dateTime ? bid : last))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
