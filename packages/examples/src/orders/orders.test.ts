import { assertExactlyOnce, simulate } from "millrace/testing";
import { expect, test } from "vitest";

import orders from "./orders.ts";

test("an order has the city of its time, and its payment if that comes within the hour", async () => {
  const { outputs } = await simulate(orders, { seed: "1" });
  expect(outputs["rows"]).toHaveLength(3);
  expect(outputs["rows"]).toEqual(
    expect.arrayContaining([
      { order: 1, city: "Oslo", cents: 900, paidAfterMinutes: null },
      { order: 2, city: "Bergen", cents: 400, paidAfterMinutes: 5 },
      { order: 3, city: "unknown", cents: 100, paidAfterMinutes: null },
    ]),
  );
});

test("every order comes out once, with one payment or none, whatever fails meanwhile", async () => {
  const indexes = Array.from({ length: 60 }, (_, index) => index);
  const minute = 60_000;
  const { recoveries } = await assertExactlyOnce(orders, {
    inputs: {
      customers: indexes.map((index) => ({
        id: `customer-${index % 7}`,
        city: `city-${index}`,
        at: index * 5 * minute,
      })),
      orders: indexes.map((index) => ({
        id: index,
        customer: `customer-${(index * 3) % 9}`,
        cents: index,
        at: index * 5 * minute,
      })),
      payments: indexes
        .filter((index) => index % 4 !== 0)
        .map((index) => ({ order: index, at: index * 7 * minute })),
    },
    seeds: 10,
  });
  expect(recoveries).toBeGreaterThan(0);
});
