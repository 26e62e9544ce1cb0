/*
 * Nexmark query 0, pass through: every bid, without channel and url. What it costs, the generator and the
 * engine cost: a measure for the other queries. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q0", (job, params) => {
  readBids(job, params)
    .map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price,
      dateTime,
      extra,
    }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
