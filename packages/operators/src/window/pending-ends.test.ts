import fc from "fast-check";
import { expect, test } from "vitest";

import { PendingEnds } from "./pending-ends.ts";

test("it is a set with its minimum", () => {
  const step = fc.record({ isAdded: fc.boolean(), end: fc.integer({ min: -20, max: 20 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const ends = new PendingEnds();
      const model = new Set<number>();
      for (const { isAdded, end } of steps) {
        if (isAdded) ends.add(end);
        else ends.remove(end);
        if (isAdded) model.add(end);
        else model.delete(end);
        expect(ends.first()).toBe(Math.min(...model));
      }
    }),
  );
});
