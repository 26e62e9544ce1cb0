import { simulate } from "millrace/testing";
import { expect, test } from "vitest";

import spendingLimits from "./spending-limits.ts";

const inputs = {
  payments: Array.from({ length: 90 }, (_, index) => ({
    account: `account-${index % 9}`,
    shop: `shop-${index % 4}`,
    cents: 100,
  })),
  shops: [0, 1, 2].map((index) => ({ id: `shop-${index}`, country: `country-${index}` })),
  limits: [{ cents: 550 }],
};

test("an account gives one alarm, whether its payments or the limit come first, whatever fails", async () => {
  let recoveries = 0;
  for (const seed of ["1", "2", "3", "4", "5", "6"]) {
    const options = { seed, inputs, parallelism: 3, faults: Number(seed) > 2 };
    const { outputs, violation, recoveries: count } = await simulate(spendingLimits, options);
    expect(violation).toBeUndefined();
    recoveries += count;
    const alarms = (outputs["alarms"] ?? []) as readonly { account: string; cents: number }[];
    expect(new Set(alarms.map(({ account }) => account)).size).toBe(9);
    expect(alarms).toHaveLength(9);
    expect(alarms.every(({ cents }) => cents > 550)).toBe(true);
  }
  expect(recoveries).toBeGreaterThan(0);
});

test("a payment has its shop's country once that is known, and never another's", async () => {
  const { outputs } = await simulate(spendingLimits, { seed: "4", inputs, parallelism: 2 });
  const rows = (outputs["payments-by-country"] ?? []) as readonly {
    readonly shop: string;
    readonly country: string | null;
  }[];
  expect(rows).toHaveLength(90);
  for (const { shop, country } of rows) {
    expect([null, shop.replace("shop", "country")]).toContain(country);
  }
  expect(rows.filter(({ shop }) => shop === "shop-3").every(({ country }) => !country)).toBe(true);
});
