import { expect, test } from "vitest";

import { AnswerOutput } from "./answer-output.ts";
import { AsyncRequest, type RequestState } from "./async-request.ts";

type Spec = ConstructorParameters<typeof AnswerOutput>[0];

/** What goes where: the tag of a side output, or `main`, with the value and its event time. */
function outputOf(spec: Partial<Spec> = {}) {
  const emitted: [string, unknown, number][] = [];
  const to = (name: string) => ({
    emit: (value: unknown, timestampMs: number) => void emitted.push([name, value, timestampMs]),
  });
  const context = { operatorName: "ask", output: to("main"), sideOutput: to };
  return { emitted, output: new AnswerOutput({ isFlat: false, ...spec }, context) };
}

function requestIn(state: RequestState): AsyncRequest {
  const request = new AsyncRequest("who", 7);
  request.state = state;
  request.triesMade = 2;
  return request;
}

const bothSides = {
  failuresTo: "failed",
  circuitBreaker: {
    trip: { kind: "in-a-row", failureCount: 5 },
    openMs: 10,
    probeCount: 1,
    to: "refused",
  },
} as const;

test("an answer has the event time of its record; of several results each has", () => {
  const one = outputOf();
  one.output.emit(requestIn({ kind: "answered", answer: ["a", "b"] }));
  expect(one.emitted).toEqual([["main", ["a", "b"], 7]]);
  const flat = outputOf({ isFlat: true });
  flat.output.emit(requestIn({ kind: "answered", answer: ["a", "b"] }));
  expect(flat.emitted).toEqual([
    ["main", "a", 7],
    ["main", "b", 7],
  ]);
});

test("results that cannot be gone through fail the operator by name", () => {
  const { output } = outputOf({ isFlat: true });
  expect(() => output.emit(requestIn({ kind: "answered", answer: 5 }))).toThrow(
    /^operator ask: its answer is not iterable/,
  );
});

test.each([
  ["failed", "failed"],
  ["timed-out", "failed"],
  ["not-asked", "refused"],
] as const)("a record that %s goes to the side output %s, with why", (reason, tag) => {
  const { emitted, output } = outputOf(bothSides);
  output.emit(requestIn({ kind: "unanswered", reason, message: "no" }));
  expect(emitted).toEqual([[tag, { record: "who", reason, message: "no", attempts: 2 }, 7]]);
});

test("what is not settled is never emitted", () => {
  const { emitted, output } = outputOf(bothSides);
  const waiting = { kind: "waiting", timer: { [Symbol.dispose]: () => {} } } as const;
  expect(() => output.emit(requestIn(waiting))).toThrow("only what is settled leaves the queue");
  expect(emitted).toEqual([]);
});
