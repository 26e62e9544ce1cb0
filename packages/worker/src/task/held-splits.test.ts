import { expect, test } from "vitest";

import { HeldSplits, type HeldSplitsOptions } from "./held-splits.ts";

type Watermarks = HeldSplitsOptions["spec"]["watermarks"];

function holding(ids: string, watermarks?: Watermarks): HeldSplits {
  const spec = watermarks === undefined ? {} : { watermarks };
  const splits = new HeldSplits({ operatorName: "flights", spec, restored: [] });
  for (const id of ids) splits.add({ id, descriptor: null });
  return splits;
}

function idsOf(splits: HeldSplits): string {
  return splits.all.map(({ split }) => split.id).join("");
}

const eventTime = { timestamp: Number, outOfOrdernessMs: 5 };

test("splits are read in turn: the first goes behind the others, or is dropped once it is read", () => {
  const splits = holding("abc");
  splits.rotate();
  expect(idsOf(splits)).toBe("bca");
  splits.dropFirst();
  expect([splits.first?.split.id, idsOf(splits), splits.count]).toEqual(["c", "ca", 2]);
});

test("turning round one split, or none, changes nothing", () => {
  const [one, none] = [holding("a"), holding("")];
  for (const splits of [one, none]) splits.rotate();
  expect([idsOf(one), idsOf(none), none.first]).toEqual(["a", "", undefined]);
});

test("their watermark is that of the slowest; none holds up nothing (S12)", () => {
  const splits = holding("ab", eventTime);
  const [first, second] = splits.all;
  first?.watermark.observe(100);
  expect(splits.lowestWatermarkMs()).toBe(-Infinity);
  second?.watermark.observe(50);
  expect(splits.lowestWatermarkMs()).toBe(44);
  expect([splits.isAnyAhead(93), splits.isAnyAhead(94)]).toEqual([true, false]);
  expect(holding("", eventTime).lowestWatermarkMs()).toBe(Infinity);
});

test("a restored split goes on with its watermark and says where it stands", () => {
  const splits = new HeldSplits({
    operatorName: "flights",
    spec: { watermarks: eventTime },
    restored: [{ split: { id: "a", descriptor: null }, position: 7, watermarkMs: 30 }],
  });
  splits.add({ id: "b", descriptor: null, lowerBoundMs: 50 });
  expect(splits.all.map(({ watermark }) => watermark.watermarkMs)).toEqual([30, 49]);
  expect(splits.describePositions()).toBe("split a at 7, split b at its beginning");
});

test("each split has a watermark generator of its own, where the author wrote one", () => {
  let generatorCount = 0;
  const generator = () => {
    generatorCount += 1;
    return { onPeriodic: (nowMs: number) => nowMs };
  };
  const splits = holding("ab", { ...eventTime, generator });
  expect(generatorCount).toBe(2);
  splits.first?.watermark.onPeriodic(20);
  expect(splits.all.map(({ watermark }) => watermark.watermarkMs)).toEqual([20, -Infinity]);
});
