/*
 * Orders with their customers as they were when they ordered, and with their payments; orders that are not paid
 * within an hour too. A customer is looked up as of the order; a payment belongs to its order if it comes within
 * the hour. Parameters: `out` (the folder for the results).
 */
import { jsonLines } from "@millrace/file";
import { defineJob, elements } from "millrace";

import { readText } from "../read-param.ts";

/** A customer from a moment on. */
interface Customer {
  readonly id: string;
  readonly city: string;
  readonly at: number;
}

interface Order {
  readonly id: number;
  readonly customer: string;
  readonly cents: number;
  readonly at: number;
}

interface Payment {
  readonly order: number;
  readonly at: number;
}

const minute = 60_000;

const customers: readonly Customer[] = [
  { id: "ann", city: "Oslo", at: 0 },
  { id: "ann", city: "Bergen", at: 30 * minute },
];
const orders: readonly Order[] = [
  { id: 1, customer: "ann", cents: 900, at: 10 * minute },
  { id: 2, customer: "ann", cents: 400, at: 40 * minute },
  { id: 3, customer: "bob", cents: 100, at: 50 * minute },
];
const payments: readonly Payment[] = [
  { order: 2, at: 45 * minute },
  { order: 3, at: 200 * minute },
];

const watermarks = {
  timestamp: ({ at }: { readonly at: number }) => at,
  outOfOrderness: "1 minute",
} as const;

export default defineJob("orders", (job, params) => {
  const latestCustomers = job
    .source("customers", elements(customers), { watermarks })
    .keyBy(({ id }) => id)
    .toTable("latest-customers");
  const paid = job.source("payments", elements(payments), { watermarks });

  job
    .source("orders", elements(orders), { watermarks })
    .keyBy(({ customer }) => customer)
    .joinAsOf(latestCustomers)
    .left("with-customers", (order, customer) => ({ ...order, city: customer?.city ?? "unknown" }))
    .keyBy(({ id }) => id)
    .join(paid.keyBy(({ order }) => order))
    .within({ lower: "0 s", upper: "1 hour" })
    .left("with-payments", ({ id, city, cents, at }, payment) => ({
      order: id,
      city,
      cents,
      paidAfterMinutes: payment === undefined ? null : (payment.at - at) / minute,
    }))
    .sink("rows", jsonLines({ path: readText(params, "out") ?? "out/orders" }));
});
