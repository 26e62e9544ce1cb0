import { maxWatermark, minWatermark, parseSubtaskId } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import type { SlotEvent } from "../slot/slot-messages.ts";
import { SplitRequests } from "./split-requests.ts";
import type { SplitAssignment } from "./task.ts";

const { subtaskId, vertexId, subtaskIndex } = parseSubtaskId("flights/1");

function requestsOf() {
  const sent: SlotEvent[] = [];
  const mailbox = { send: (event: SlotEvent) => void sent.push(event) };
  const requests = new SplitRequests({ subtaskId, vertexId, subtaskIndex, mailbox });
  return { sent, requests };
}

function assignment(requestNumber: number, said: Partial<SplitAssignment> = {}): SplitAssignment {
  return {
    kind: "assign-split",
    vertexId,
    subtaskIndex,
    requestNumber,
    isPoolEmpty: false,
    poolLowerBoundMs: minWatermark,
    ...said,
  };
}

const split = { id: "a", descriptor: null };

test("one request is out until its final answer, then the next one has the next number (I1)", () => {
  const { sent, requests } = requestsOf();
  requests.ask();
  requests.ask();
  const first = { kind: "request-split", vertexId, subtaskIndex, requestNumber: 1 };
  expect(sent).toEqual([first]);
  expect(requests.take(assignment(1, { split }))).toBe("final");
  requests.ask();
  expect(sent).toEqual([first, { ...first, requestNumber: 2 }]);
});

test("an answer that the pool has none now leaves the request out for the split that follows (I1)", () => {
  const { sent, requests } = requestsOf();
  requests.ask();
  expect(requests.take(assignment(1))).toBe("later");
  requests.ask();
  expect(sent).toHaveLength(1);
  expect(requests.take(assignment(1, { split }))).toBe("final");
});

test("an answer that comes again counts for nothing, whatever it says of the pool", () => {
  const { requests } = requestsOf();
  requests.ask();
  requests.take(assignment(1, { split, poolLowerBoundMs: 10 }));
  const again = assignment(1, { split, isPoolEmpty: true, poolLowerBoundMs: 50 });
  expect(requests.take(again)).toBe("repeated");
  expect([requests.isPoolEmpty, requests.poolWatermarkMs]).toEqual([false, 9]);
});

test("an answer to a request that was never made is refused", () => {
  const { requests } = requestsOf();
  requests.ask();
  expect(() => requests.take(assignment(2, { split }))).toThrow(
    "flights/1 got an answer to request 2, it has asked 1 times",
  );
});

test("nothing is asked of an empty pool, which holds up no watermark (I2)", () => {
  const { sent, requests } = requestsOf();
  requests.ask();
  expect(requests.take(assignment(1, { isPoolEmpty: true, poolLowerBoundMs: 5 }))).toBe("final");
  requests.ask();
  expect(sent).toHaveLength(1);
  expect([requests.isPoolEmpty, requests.poolWatermarkMs]).toEqual([true, maxWatermark]);
});

test("the pool's watermark is the greatest lower bound that was told, less one (I3, S12)", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 20 }), (bounds) => {
      const { requests } = requestsOf();
      expect(requests.poolWatermarkMs).toBe(minWatermark);
      for (const [index, poolLowerBoundMs] of bounds.entries()) {
        requests.ask();
        requests.take(assignment(index + 1, { split, poolLowerBoundMs }));
        expect(requests.poolWatermarkMs).toBe(Math.max(...bounds.slice(0, index + 1)) - 1);
      }
    }),
  );
});
