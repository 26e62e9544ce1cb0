/*
 * Nexmark query 10, log to file system: every bid, in a folder of its day and minute. Parameters: see
 * `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q10", (job, params) => {
  readBids(job, params)
    .map(({ auction, bidder, price, dateTime, extra }) => {
      // 2015-07-15T00:00:00.000Z
      const time = new Date(dateTime).toISOString();
      const dt = time.slice(0, 10);
      const hm = time.slice(11, 16);
      return { auction, bidder, price, dateTime, extra, dt, hm };
    })
    .sink(
      "rows",
      jsonLines({ path: outputFolder(params), partitionBy: ({ dt, hm }) => `dt=${dt}/hm=${hm}` }),
    );
});
