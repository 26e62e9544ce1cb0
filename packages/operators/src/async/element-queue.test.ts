import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { AsyncRequest } from "./async-request.ts";
import { OrderedQueue, UnorderedQueue, type ElementQueue } from "./element-queue.ts";

/** What happens to a queue: a record or a watermark comes, or the nth open request is answered. */
const events = fc.array(
  fc.oneof(
    fc.constant({ kind: "record" as const }),
    fc.constant({ kind: "watermark" as const }),
    fc.record({ kind: fc.constant("answer" as const), index: fc.nat(5) }),
  ),
  { maxLength: 60, size: "max" },
);

type Left = { readonly record: number } | { readonly watermark: number };

/** Returns what left the queue, in order; a watermark's number is that of the records before it. */
function run(queue: ElementQueue, steps: readonly { kind: string; index?: number }[]): Left[] {
  const left: Left[] = [];
  const open: AsyncRequest[] = [];
  let count = 0;
  const drain = (): void => {
    for (let one = queue.take(); one !== undefined; one = queue.take()) {
      if (one.kind === "request") left.push({ record: Number(one.record) });
      else if (one.kind === "watermark") left.push({ watermark: one.watermarkMs });
    }
  };
  const answer = (request: AsyncRequest): void => {
    request.state = { kind: "answered", answer: request.record };
    queue.settle(request);
    drain();
  };
  for (const { kind, index } of steps) {
    if (kind === "record") {
      const request = new AsyncRequest(count, 0);
      count += 1;
      open.push(request);
      queue.add(request);
    } else if (kind === "watermark") queue.addMark({ kind, watermarkMs: count });
    else for (const request of open.splice(index ?? 0, 1)) answer(request);
    drain();
  }
  for (const request of open.toReversed()) answer(request);
  return left;
}

describe.each([
  ["ordered", () => new OrderedQueue()],
  ["unordered", () => new UnorderedQueue()],
] as const)("%s", (order, createQueue) => {
  test("each record leaves once, and no record passes a watermark", () => {
    fc.assert(
      fc.property(events, (steps) => {
        const left = run(createQueue(), steps);
        const recordCount = steps.filter(({ kind }) => kind === "record").length;
        const records = left.flatMap((one) => ("record" in one ? [one.record] : []));
        expect(records.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: recordCount }, (_, index) => index),
        );
        const isInOrder = records.every((record, index) => record === index);
        expect(isInOrder || order === "unordered").toBe(true);
        for (const [place, one] of left.entries()) {
          if (!("watermark" in one)) continue;
          const before = left.slice(0, place).flatMap((e) => ("record" in e ? [e.record] : []));
          expect(before.length).toBe(one.watermark);
          expect(before.every((record) => record < one.watermark)).toBe(true);
        }
      }),
    );
  });

  test("of watermarks with nothing between them the last one is kept", () => {
    const queue = createQueue();
    const request = new AsyncRequest(0, 0);
    queue.add(request);
    for (const watermarkMs of [1, 2, 3]) queue.addMark({ kind: "watermark", watermarkMs });
    expect(queue.markCount).toBe(1);
    request.state = { kind: "answered", answer: 0 };
    queue.settle(request);
    expect(queue.take()).toBe(request);
    expect(queue.take()).toEqual({ kind: "watermark", watermarkMs: 3 });
    expect(queue.take()).toBeUndefined();
    expect(queue.markCount).toBe(0);
  });
});
