/*
 * Nexmark query 14, calculation: bids of a middle price, with the part of the day and the number of letters c
 * in their padding. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

export default defineJob("nexmark-q14", (job, params) => {
  readBids(job, params)
    .map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price: (price * 908) / 1_000,
      bidTimeType: timeTypeOf(dateTime),
      dateTime,
      extra,
      cCounts: countLetter(extra, "c"),
    }))
    .filter(({ price }) => price > 1_000_000 && price < 50_000_000)
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});

function timeTypeOf(timeMs: number): "dayTime" | "nightTime" | "otherTime" {
  const hour = Math.floor(timeMs / 3_600_000) % 24;
  if (hour >= 8 && hour <= 18) return "dayTime";
  if (hour <= 6 || hour >= 20) return "nightTime";
  return "otherTime";
}

function countLetter(text: string, letter: string): number {
  let count = 0;
  for (let at = text.indexOf(letter); at !== -1; at = text.indexOf(letter, at + 1)) count += 1;
  return count;
}
