/*
 * Nexmark query 1, currency conversion: every bid with its price in euros. Parameters: see
 * `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q1", (job, params) => {
  readBids(job, params)
    .map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      // 0.908 euros a dollar. Whole numbers first: 0.908 itself is no exact number.
      price: (price * 908) / 1_000,
      dateTime,
      extra,
    }))
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
