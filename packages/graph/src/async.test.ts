import { describe, expect, test } from "vitest";

import type { AsyncSpec, CircuitBreakerSpec } from "./async-spec.ts";
import { parseJobGraph } from "./parse-job-graph.ts";
import { canonicalPlanJson, planJob } from "./plan-job.ts";
import { graphOf, specs, type TestNode } from "./test-graphs.ts";

const plain: AsyncSpec = {
  kind: "async-map",
  ask: () => 1,
  isFlat: false,
  isOrdered: true,
  capacity: 100,
};
const breaker: CircuitBreakerSpec = {
  trip: { kind: "in-a-row", failureCount: 5 },
  openMs: 1_000,
  probeCount: 1,
  to: "aside",
};

function nodesWith(spec: AsyncSpec): readonly TestNode[] {
  return [
    { name: "in", spec: specs.source },
    { name: "map", inputs: ["in"], spec: specs.map },
    { name: "ask", inputs: ["map"], spec },
    { name: "more", inputs: ["ask"], spec: specs.map },
    { name: "out", inputs: ["more"], spec: specs.sink },
  ];
}

test("an async operator begins a chain, and what follows it is part of it", () => {
  const { vertices } = planJob(graphOf(nodesWith(plain)));
  expect(vertices.map(({ operators }) => operators.map(({ name }) => name))).toEqual([
    ["in", "map"],
    ["ask", "more", "out"],
  ]);
});

test("its limits are in the plan, its functions are not", () => {
  const plan = planJob(
    graphOf(
      nodesWith({
        ...plain,
        timeoutMs: 5_000,
        onTimeout: () => 0,
        retry: { maxAttempts: 3, initialDelayMs: 10, maxDelayMs: 100, retryOn: () => true },
        circuitBreaker: breaker,
      }),
    ),
  );
  const [, vertex] = parseJobGraph(canonicalPlanJson(plan)).vertices;
  expect(vertex?.operators[0]).toMatchObject({
    kind: "async-map",
    isKeyed: false,
    hasState: true,
    options: {
      isOrdered: true,
      isFlat: false,
      capacity: 100,
      timeoutMs: 5_000,
      retry: { maxAttempts: 3, initialDelayMs: 10, maxDelayMs: 100 },
      circuitBreaker: breaker,
    },
  });
});

describe("is refused", () => {
  const cases: readonly (readonly [string, Partial<AsyncSpec>, RegExp])[] = [
    ["no capacity", { capacity: 0 }, /operator ask: capacity 0 is not a whole number from 1/],
    ["a fraction of one", { capacity: 1.5 }, /capacity 1.5/],
    ["no time", { timeoutMs: 0 }, /timeout of 0 ms is not a length of time/],
    ["an answer to no timeout", { onTimeout: () => 0 }, /onTimeout is never called/],
    [
      "no try",
      { retry: { maxAttempts: 0, initialDelayMs: 1, maxDelayMs: 1 } },
      /retry.maxAttempts 0/,
    ],
    [
      "a longest wait below the first",
      { retry: { maxAttempts: 2, initialDelayMs: 10, maxDelayMs: 1 } },
      /backoff.max of 1 ms is below backoff.initial of 10 ms/,
    ],
    ["a tag without a name", { failuresTo: "" }, /the tag "" is not a name/],
    [
      "a rate above all",
      { circuitBreaker: { ...breaker, trip: { kind: "rate", rate: 2, tryCount: 9 } } },
      /circuitBreaker.failureRate 2/,
    ],
    ["no probes", { circuitBreaker: { ...breaker, probeCount: 0 } }, /circuitBreaker.probes 0/],
  ];

  test.each(cases)("%s", (_what, options, message) => {
    expect(() => planJob(graphOf(nodesWith({ ...plain, ...options })))).toThrow(message);
  });
});
