import type { AsyncCall } from "millrace";
import { assertExactlyOnce, simulate } from "millrace/testing";
import { expect, test } from "vitest";

import { pricedOrders, UnknownProduct } from "./priced-orders.ts";

// Stands in for the service. What it waits for is the job's own clock, so hours pass in no time; and it
// is a function of the product and the try alone, so that its answers do not depend on what fails.
async function askFlakyService(product: string, { attempt, sleep }: AsyncCall): Promise<number> {
  await sleep("80 ms");
  if (product === "perpetuum mobile") throw new UnknownProduct(product);
  if (product === "grain" && attempt < 3) throw new Error("the service is busy");
  if (product === "flour") await sleep("1 hour");
  return product.length;
}

const job = pricedOrders(() => askFlakyService);

function linesOf(products: readonly string[]): readonly string[] {
  return products.map((product, id) => JSON.stringify({ id, product, pieces: 2 }));
}

test("a busy service is asked again; what it does not know or answer goes aside", async () => {
  const orders = linesOf(["wheel", "grain", "perpetuum mobile", "flour"]);
  const { outputs, violation } = await simulate(job, {
    seed: "1",
    parallelism: 1,
    inputs: { orders },
  });

  expect(violation).toBeUndefined();
  expect(outputs["board"]).toEqual(
    expect.arrayContaining([
      { id: 0, product: "wheel", pieces: 2, price: 5, total: 10 },
      { id: 1, product: "grain", pieces: 2, price: 5, total: 10 },
    ]),
  );
  expect(outputs["dead-letters"]).toEqual(
    expect.arrayContaining([
      {
        record: { id: 2, product: "perpetuum mobile", pieces: 2 },
        reason: "failed",
        message: "UnknownProduct: perpetuum mobile",
        attempts: 1,
      },
      expect.objectContaining({ reason: "timed-out", attempts: 1 }),
    ]),
  );
});

test("each order is priced once, whatever fails while it is in flight", async () => {
  const products = Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? "grain" : "wheel"));

  const { recoveries } = await assertExactlyOnce(job, {
    inputs: { orders: linesOf(products) },
    seeds: 20,
  });

  expect(recoveries).toBeGreaterThan(0);
});
