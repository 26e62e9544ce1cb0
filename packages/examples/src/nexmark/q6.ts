/*
 * Nexmark query 6, average selling price by seller: whenever an auction closes that somebody won, what the last
 * ten of its seller went for on average, this one included. Parameters: see `read-events.ts`.
 */
import { jsonLines } from "@millrace/file";
import { defineJob, state, type } from "millrace";

import { outputFolder, readEvents } from "./read-events.ts";
import { winningBids } from "./winning-bids.ts";

interface Sale {
  readonly id: number;
  readonly price: number;
  /** When the auction closed. */
  readonly expires: number;
}

const lastSales = 10;

export default defineJob("nexmark-q6", (job, params) => {
  winningBids(readEvents(job, params))
    .map(({ seller, id, price, expires }) => ({ seller, id, price, expires }))
    .keyBy(({ seller }) => seller)
    .process("last-ten-sales", {
      emits: type<{ seller: number; avgPrice: number }>(),
      state: {
        // Sales that others may still come before: a seller's auctions close in several subtasks.
        closing: state.list<Sale>(),
        prices: state.value<readonly number[]>(),
      },
      onRecord({ id, price, expires }, ctx) {
        ctx.state.closing.add({ id, price, expires });
        ctx.timers.atEventTime(expires);
      },
      // Event time has come to a sale: all that closed before it are known.
      onTimer(timeMs, ctx) {
        const { closing, prices } = ctx.state;
        const sales = closing.get();
        const due = sales.filter(({ expires }) => expires === timeMs);
        for (const { price } of due.toSorted((left, right) => left.id - right.id)) {
          const last = [...(prices.get() ?? []), price].slice(-lastSales);
          prices.set(last);
          ctx.emit({ seller: ctx.key, avgPrice: averageOf(last) });
        }
        closing.set(sales.filter(({ expires }) => expires !== timeMs));
      },
    })
    .sink("rows", jsonLines({ path: outputFolder(params) }));
});

/** Returns the average in whole cents. */
function averageOf(prices: readonly number[]): number {
  return Math.floor(prices.reduce((sum, price) => sum + price, 0) / prices.length);
}
