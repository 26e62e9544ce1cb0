/*
 * Nexmark query 22, get url directories: bids with the three folders of their url. Parameters: see
 * `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q22", (job, params) => {
  readBids(job, params)
    .map(({ auction, bidder, price, channel, url }) => {
      // https: / (nothing) / host / folder / folder / folder / page
      const [, , , dir1 = "", dir2 = "", dir3 = ""] = url.split("/");
      return { auction, bidder, price, channel, dir1, dir2, dir3 };
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
