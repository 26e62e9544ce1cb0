import fc from "fast-check";
import { expect, test } from "vitest";

import { minWindowBytes, WindowBudget } from "./window-budget.ts";

const kib = 1_024;

test.for([
  { what: "few channels begin with what they ask for", channels: 4, expected: 512 * kib },
  { what: "many share what there is", channels: 64, expected: 256 * kib },
  {
    what: "very many get 32 KiB each, the limit notwithstanding",
    channels: 4_096,
    expected: 32 * kib,
  },
])("$what", ({ channels, expected }) => {
  const budget = new WindowBudget(16 * 1_024 * kib);
  for (let count = 0; count < channels; count += 1) budget.join();
  expect(budget.first(512 * kib)).toBe(expected);
});

test("windows are never more than the limit together, whatever grows and shrinks (S15)", () => {
  const limitBytes = 1_024 * kib;
  const steps = fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 100, size: "max" });
  fc.assert(
    fc.property(steps, (program) => {
      const budget = new WindowBudget(limitBytes);
      for (let count = 0; count < 8; count += 1) budget.join();
      const windows = Array.from({ length: 8 }, () => budget.first(100 * kib));
      for (const [index, isGrowing] of program) {
        const own = windows[index] ?? 0;
        if (isGrowing && budget.take(own)) windows[index] = own * 2;
        if (!isGrowing && own > minWindowBytes) {
          budget.giveBack(own / 2);
          windows[index] = own / 2;
        }
        expect(windows.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(limitBytes);
      }
    }),
  );
});
