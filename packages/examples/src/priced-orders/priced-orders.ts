/*
 * Puts a price on each order by asking a service over HTTP, up to 200 orders at a time. Parameters:
 * `orders` (a file or folder of JSON lines), `service` (its URL), `out` (a folder).
 */
import { jsonLines, textLines } from "@millrace/file";
import {
  defineJob,
  outputTag,
  type AsyncCall,
  type FailedRequest,
  type JobDefinition,
} from "millrace";

import { readText } from "../read-param.ts";

interface Order {
  readonly id: number;
  readonly product: string;
  readonly pieces: number;
}

/** Orders that got no price: what is written beside them says why. */
const unpriced = outputTag<FailedRequest<Order>>("unpriced");

/** The service knows no such product: it would say the same again. */
export class UnknownProduct extends Error {
  override readonly name = "UnknownProduct";
}

/** Returns the price of a product. */
type AskPrice = (product: string, call: AsyncCall) => Promise<number>;

/** The job, whatever it is that knows the prices: its test brings a service of its own. */
export function pricedOrders(createAskPrice: (serviceUrl: string) => AskPrice): JobDefinition {
  return defineJob("priced-orders", (job, params) => {
    const askPrice = createAskPrice(readText(params, "service") ?? "http://localhost:8080");
    const out = readText(params, "out") ?? "out/orders";

    const priced = job
      .source("orders", textLines({ path: readText(params, "orders") ?? "orders" }))
      .map(parseOrder)
      .asyncMap(
        "price",
        async (order, call) => {
          const price = await askPrice(order.product, call);
          return { ...order, price, total: price * order.pieces };
        },
        {
          // Each subtask has so many orders in flight; then it reads on when one is answered.
          capacity: 200,
          // A slow answer does not hold up the others. "ordered" would keep the order of the orders.
          order: "unordered",
          // A busy service is asked again after about 0.2 s, then 0.4 s, 0.8 s ...
          retry: {
            maxAttempts: 5,
            backoff: { initial: "200 ms", max: "5 seconds" },
            retryOn: (error) => !(error instanceof UnknownProduct),
          },
          // For an order with all of its tries; `call.signal` aborts then.
          timeout: "30 seconds",
          // Without this, an order that gets no price would fail the job.
          failuresTo: unpriced,
          // When the last 20 tries failed, the service is left alone for 10 s.
          circuitBreaker: { failures: 20, openFor: "10 seconds", to: unpriced },
        },
      );

    priced.sink("board", jsonLines({ path: `${out}/priced` }));
    priced.sideOutput(unpriced).sink("dead-letters", jsonLines({ path: `${out}/unpriced` }));
  });
}

function parseOrder(line: string): Order {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the file is ours
  return JSON.parse(line) as Order;
}

function askOverHttp(serviceUrl: string): AskPrice {
  return async (product, { signal }) => {
    const url = new URL(`/prices/${encodeURIComponent(product)}`, serviceUrl);
    // With the signal, a request that nobody waits for any more is given up.
    const response = await fetch(url, { signal });
    if (response.status === 404) throw new UnknownProduct(product);
    if (!response.ok) throw new Error(`the price service answered ${response.status}`);
    return Number(await response.text());
  };
}

export default pricedOrders(askOverHttp);
