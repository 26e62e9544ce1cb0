import type { AsyncSpec, StreamGraph } from "@millrace/graph";
import { describe, expect, expectTypeOf, test } from "vitest";

import {
  defineJob,
  elements,
  outputTag,
  type DataStream,
  type FailedRequest,
  type Job,
} from "./index.ts";

// `tsc -b` compiles this file: an unused `@ts-expect-error` fails the build.

interface Order {
  readonly id: number;
  readonly product: string;
}

const failed = outputTag<FailedRequest<Order>>("failed");

function orders(job: Job): DataStream<Order> {
  return job.source("orders", elements([{ id: 1, product: "flour" }]));
}

function build(write: (job: Job) => void): StreamGraph {
  return defineJob("types", write).build({ params: null, baseDirectory: "/" });
}

function asyncSpecOf(write: (job: Job) => void): AsyncSpec {
  const specs = build(write).nodes.map(({ spec }) => spec);
  const spec = specs.find((one): one is AsyncSpec => one.kind === "async-map");
  if (spec === undefined) throw new Error("the job has no async operator");
  return spec;
}

test("the answer's type is the stream's, whether it comes as a promise or at once", () => {
  build((job) => {
    const priced = orders(job).asyncMap("price", async ({ id }) => ({ id, price: 7 }));
    expectTypeOf(priced).toEqualTypeOf<DataStream<{ id: number; price: number }>>();
    const known = orders(job).asyncMap("known", ({ id }) => id);
    expectTypeOf(known).toEqualTypeOf<DataStream<number>>();
    const parts = orders(job).asyncFlatMap("parts", async ({ product }) => [product]);
    expectTypeOf(parts).toEqualTypeOf<DataStream<string>>();
    const byKey = orders(job)
      .keyBy(({ product }) => product)
      .asyncMap("by-key", async ({ id }) => id);
    expectTypeOf(byKey).toEqualTypeOf<DataStream<number>>();
  });
});

describe("does not compile", () => {
  test("a name that is missing", () => {
    expect(() =>
      build((job) => {
        // @ts-expect-error -- no name
        orders(job).asyncMap(async (order: Order) => order.id);
      }),
    ).toThrow(/asyncMap takes its name first/);
  });

  test("another answer at a timeout than the function gives", () => {
    const spec = asyncSpecOf((job) => {
      orders(job).asyncMap("price", async () => 7, {
        timeout: "1 second",
        // @ts-expect-error -- not a number
        onTimeout: () => "none",
      });
    });
    expect(spec.timeoutMs).toBe(1_000);
  });

  test("a side output of other records", () => {
    const numbers = outputTag<FailedRequest<number>>("numbers");
    const spec = asyncSpecOf((job) => {
      // @ts-expect-error -- orders fail, not numbers
      orders(job).asyncMap("price", async () => 7, { failuresTo: numbers });
    });
    expect(spec.failuresTo).toBe("numbers");
  });
});

test("a side output of wider records takes them", () => {
  const wide = outputTag<FailedRequest<{ readonly id: number }>>("wide");
  build((job) => {
    orders(job).asyncMap("price", async () => 7, { failuresTo: wide });
    const priced = orders(job).asyncMap("other", async () => 7, { failuresTo: failed });
    expectTypeOf(priced.sideOutput(failed)).toEqualTypeOf<DataStream<FailedRequest<Order>>>();
  });
});

test("what is left out has the defaults that the docstrings name", () => {
  expect(asyncSpecOf((job) => void orders(job).asyncMap("price", async () => 7))).toMatchObject({
    isOrdered: true,
    isFlat: false,
    capacity: 100,
  });
  const spec = asyncSpecOf((job) => {
    orders(job).asyncMap("price", async () => 7, {
      retry: { maxAttempts: 3 },
      circuitBreaker: { to: failed },
    });
  });
  expect(spec.retry).toEqual({ maxAttempts: 3, initialDelayMs: 100, maxDelayMs: 10_000 });
  expect(spec.circuitBreaker).toEqual({
    trip: { kind: "in-a-row", failureCount: 5 },
    openMs: 10_000,
    probeCount: 1,
    to: "failed",
  });
});

test("options become what the plan has", () => {
  const spec = asyncSpecOf((job) => {
    orders(job).asyncMap("price", async () => 7, {
      order: "unordered",
      capacity: 9,
      timeout: "2 seconds",
      retry: { maxAttempts: 2, backoff: { initial: "20 seconds" } },
      failuresTo: failed,
      circuitBreaker: { failureRate: 0.5, openFor: "1 minute", probes: 3, to: failed },
    });
  });
  expect(spec).toMatchObject({
    isOrdered: false,
    capacity: 9,
    timeoutMs: 2_000,
    retry: { maxAttempts: 2, initialDelayMs: 20_000, maxDelayMs: 20_000 },
    failuresTo: "failed",
    circuitBreaker: { trip: { kind: "rate", rate: 0.5, tryCount: 100 }, openMs: 60_000 },
  });
});
