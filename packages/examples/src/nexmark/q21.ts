/*
 * Nexmark query 21, add channel id: bids whose channel has an id, a known one or that of their url.
 * Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

const knownChannels: ReadonlyMap<string, string> = new Map([
  ["apple", "0"],
  ["google", "1"],
  ["facebook", "2"],
  ["baidu", "3"],
]);

export default defineJob("nexmark-q21", (job, params) => {
  readBids(job, params)
    .flatMap(({ auction, bidder, price, channel, url }) => {
      const channelId =
        knownChannels.get(channel.toLowerCase()) ?? /(?:&|^)channel_id=([^&]*)/.exec(url)?.[1];
      return channelId === undefined ? [] : [{ auction, bidder, price, channel, channelId }];
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
