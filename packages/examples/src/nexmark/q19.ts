/*
 * Nexmark query 19, auction top-10 price: the ten highest bids of every auction; of equal ones the earlier comes
 * first. Updates: the last row of an auction and rank counts. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import type { Bid } from "@millrace/nexmark";
import { defineJob, state, type } from "millrace";

import { outputFolder, readBids } from "./read-events.ts";

type PlainBid = Omit<Bid, "kind">;

const rankCount = 10;

export default defineJob("nexmark-q19", (job, params) => {
  readBids(job, params)
    .map(({ kind: _kind, ...bid }): PlainBid => bid)
    .keyBy(({ auction }) => auction)
    .process("top-ten", {
      emits: type<PlainBid & { rankNumber: number }>(),
      // The highest first.
      state: { top: state.value<readonly PlainBid[]>() },
      onRecord(bid, ctx) {
        const top = ctx.state.top.get() ?? [];
        const above = top.filter((other) => isAbove(other, bid));
        if (above.length === rankCount) return;
        const changed = [...above, bid, ...top.slice(above.length)].slice(0, rankCount);
        ctx.state.top.set(changed);
        // The bid and all that it moves down have a new rank.
        for (let place = above.length; place < changed.length; place += 1) {
          const ranked = changed[place];
          if (ranked !== undefined) ctx.emit({ ...ranked, rankNumber: place + 1 });
        }
      },
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});

function isAbove(one: PlainBid, other: PlainBid): boolean {
  if (one.price !== other.price) return one.price > other.price;
  return one.dateTime < other.dateTime;
}
