import type { Random } from "@millrace/core";
import { describe, expect, test } from "vitest";

/** Draws per bucket below are 2,000 on average with a deviation of 43: a bound of 300 is 7 of them. */
const bucketCount = 16;
const drawCount = bucketCount * 2_000;
const tolerance = 300;

const draw = (random: Random, count: number): readonly number[] =>
  Array.from({ length: count }, () => random.uint32());

/** Describes what every source of randomness does; each call of `create` gives an independent one. */
export function describeRandomContract(name: string, create: () => Random): void {
  describe(`${name} random`, () => {
    test("draws are integers in [0, 2^32)", () => {
      const outside = draw(create(), drawCount).filter(
        (value) => !Number.isInteger(value) || value < 0 || value >= 2 ** 32,
      );
      expect(outside).toEqual([]);
    });

    test("draws fall evenly over the range", () => {
      const counts = Array.from({ length: bucketCount }, () => 0);
      for (const value of draw(create(), drawCount)) {
        const bucket = Math.floor((value / 2 ** 32) * bucketCount);
        counts[bucket] = (counts[bucket] ?? 0) + 1;
      }
      const uneven = counts.filter(
        (count) => Math.abs(count - drawCount / bucketCount) > tolerance,
      );
      expect(uneven).toEqual([]);
    });

    test("every bit is set about half of the time, the lowest too", () => {
      const values = draw(create(), drawCount);
      for (let bit = 0; bit < 32; bit += 1) {
        const setCount = values.filter((value) => ((value >>> bit) & 1) === 1).length;
        // 7 deviations of 89.
        expect(Math.abs(setCount - drawCount / 2), `bit ${bit}`).toBeLessThan(630);
      }
    });

    test("a source does not repeat itself, and two of them differ", () => {
      const [one, other] = [create(), create()];
      const series = [draw(one, 8), draw(one, 8), draw(other, 8)].map(String);
      expect(new Set(series).size).toBe(series.length);
    });
  });
}
