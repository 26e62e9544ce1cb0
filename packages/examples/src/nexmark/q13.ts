/*
 * Nexmark query 13, bounded side input join: every bid with the value of a table that is read once. A bid that
 * comes before its row waits for it. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { createSideInput, type Bid } from "@millrace/nexmark";
import { defineJob, elements, state, type } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

/** The table has a row for each key below it. */
const keyCount = 10_000;

type PlainBid = Pick<Bid, "auction" | "bidder" | "price" | "dateTime">;

export default defineJob("nexmark-q13", (job, params) => {
  const table = job.source("side-input", elements(createSideInput()));
  const bids = readBids(job, params).map(({ auction, bidder, price, dateTime }): PlainBid => ({
    auction,
    bidder,
    price,
    dateTime,
  }));

  bids
    .keyBy(({ auction }) => auction % keyCount)
    .connect(table.keyBy(({ key }) => key))
    .process("bids-with-values", {
      emits: type<PlainBid & { value: string }>(),
      state: { value: state.value<string>(), waiting: state.list<PlainBid>() },
      onFirst(bid, ctx) {
        const value = ctx.state.value.get();
        if (value === undefined) ctx.state.waiting.add(bid);
        else ctx.emit({ ...bid, value });
      },
      onSecond({ value }, ctx) {
        ctx.state.value.set(value);
        for (const bid of ctx.state.waiting.get()) ctx.emit({ ...bid, value });
        ctx.state.waiting.clear();
      },
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});
