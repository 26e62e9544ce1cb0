/*
 * Payments in their shop's country, and accounts over the limit of the day. The table of shops is small: each
 * subtask keeps it whole, and payments are joined with it where they are. The limit is broadcast; when it
 * changes, every account is looked at at once, also those that pay nothing any more. Parameters: `out` (the
 * folder for the results).
 */
import { jsonLines } from "@millrace/file";
import { broadcastMap, defineJob, elements, state, type } from "millrace";

import { readText } from "../read-param.ts";

interface Payment {
  readonly account: string;
  readonly shop: string;
  readonly cents: number;
}

interface Shop {
  readonly id: string;
  readonly country: string;
}

interface Limit {
  readonly cents: number;
}

interface Alarm {
  readonly account: string;
  readonly cents: number;
  readonly limit: number;
}

const payments: readonly Payment[] = [
  { account: "ann", shop: "books", cents: 900 },
  { account: "bob", shop: "books", cents: 300 },
  { account: "ann", shop: "bikes", cents: 400 },
];
const shops: readonly Shop[] = [{ id: "books", country: "NO" }];
const limits: readonly Limit[] = [{ cents: 1_000 }];

export default defineJob("spending-limits", (job, params) => {
  const out = readText(params, "out") ?? "out/spending-limits";
  const paid = job.source("payments", elements(payments));
  const shopTable = job
    .source("shops", elements(shops))
    .keyBy(({ id }) => id)
    .toTable("shop-rows");
  const limit = job.source("limits", elements(limits)).broadcast();

  paid
    .joinBroadcast(shopTable, ({ shop }) => shop)
    .left("with-country", (payment, shop) => ({ ...payment, country: shop?.country ?? null }))
    .sink("payments-by-country", jsonLines({ path: `${out}/payments` }));

  paid
    .keyBy(({ account }) => account)
    .connect(limit)
    .process("over-limit", {
      emits: type<Alarm>(),
      state: { spent: state.value<number>() },
      broadcastState: { limits: broadcastMap<"cents", number>() },
      onRecord({ cents }, ctx) {
        const before = ctx.state.spent.get() ?? 0;
        const spent = before + cents;
        ctx.state.spent.set(spent);
        const limitCents = ctx.broadcastState.limits.get("cents") ?? Infinity;
        if (before <= limitCents && spent > limitCents) {
          ctx.emit({ account: ctx.key, cents: spent, limit: limitCents });
        }
      },
      onBroadcast({ cents: limitCents }, ctx) {
        const old = ctx.broadcastState.limits.get("cents") ?? Infinity;
        ctx.broadcastState.limits.set("cents", limitCents);
        ctx.applyToKeyedState("spent", (account, spent) => {
          const cents = spent.get() ?? 0;
          if (cents > limitCents && cents <= old) ctx.emit({ account, cents, limit: limitCents });
        });
      },
    })
    .sink("alarms", jsonLines({ path: `${out}/alarms` }));
});
