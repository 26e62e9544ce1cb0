import type { IntervalJoinSpec, JoinMode } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { JoinUnderTest, type JoinStep } from "./test-kit.ts";

const modes: readonly JoinMode[] = ["inner", "left", "right", "outer"];

function interval(over: Partial<IntervalJoinSpec> = {}): IntervalJoinSpec {
  return {
    kind: "join",
    type: "interval",
    mode: "inner",
    lowerMs: -5,
    upperMs: 10,
    isLowerExclusive: false,
    isUpperExclusive: false,
    join: (left: unknown, right: unknown) => `${String(left)}-${String(right)}`,
    ...over,
  };
}

describe.each(testBackends)("an interval join on %s", (_name, create) => {
  test("emits a pair once, when its second record arrives, with the later of both times", () => {
    const join = new JoinUnderTest(interval(), create());
    join.left("k", "A", 100);
    expect(join.take()).toEqual([]);
    join.right("k", "a", 103);
    expect(join.take()).toEqual([["A-a", 103]]);
    join.left("k", "B", 104);
    expect(join.take()).toEqual([["B-a", 104]]);
    join.right("k", "b", 99);
    expect(join.take()).toEqual([
      ["A-b", 100],
      ["B-b", 104],
    ]);
  });

  test("pairs records of one key only", () => {
    const join = new JoinUnderTest(interval(), create());
    join.left("k", "A", 100).right("other", "a", 100).right(1, "b", 100);
    expect(join.take()).toEqual([]);
  });

  test("a key that is null meets itself", () => {
    const join = new JoinUnderTest(interval(), create());
    join.left(null, "A", 100).right(null, "a", 100).right("null", "b", 100);
    expect(join.take()).toEqual([["A-a", 100]]);
  });

  test.each([
    [false, false, [95, 96, 109, 110]],
    [true, false, [96, 109, 110]],
    [false, true, [95, 96, 109]],
    [true, true, [96, 109]],
  ])("with exclusive bounds %s and %s a left record at 100 meets %j", (lower, upper, met) => {
    const spec = interval({ isLowerExclusive: lower, isUpperExclusive: upper });
    const times = [94, 95, 96, 109, 110, 111];
    const first = new JoinUnderTest(spec, create());
    for (const at of times) first.right("k", at, at);
    first.left("k", "L", 100);
    expect(first.take().map(([value]) => value)).toEqual(met.map((at) => `L-${at}`));
    const last = new JoinUnderTest(spec, create()).left("k", "L", 100);
    for (const at of times) last.right("k", at, at);
    expect(last.take().map(([value]) => value)).toEqual(met.map((at) => `L-${at}`));
  });

  test("records of one time meet each other, in the order in which they came", () => {
    const spec = interval({ lowerMs: 0, upperMs: 0 });
    const join = new JoinUnderTest(spec, create());
    join.right("k", "a", 7).right("k", "b", 7).right("k", "later", 8);
    join.left("k", "A", 7).left("k", "B", 7);
    expect(join.take().map(([value]) => value)).toEqual(["A-a", "A-b", "B-a", "B-b"]);
  });

  test("partners come by time, whatever the order in which they came", () => {
    const join = new JoinUnderTest(interval(), create());
    join.right("k", "c", 103).right("k", "a", 101).right("k", "b", 102).left("k", "A", 100);
    expect(join.take().map(([value]) => value)).toEqual(["A-a", "A-b", "A-c"]);
  });

  test("a record at the watermark is late and meets nobody; one behind it meets all in its bounds", () => {
    const join = new JoinUnderTest(interval(), create());
    join.left("k", "A", 100).watermark(109);
    join.right("k", "late", 109);
    expect(join.take()).toEqual([]);
    expect(join.lateCount).toBe(1);
    // At the upper bound, as long as the watermark may let it in.
    join.right("k", "a", 110);
    expect(join.take()).toEqual([["A-a", 110]]);
  });

  test("late records go to their tags, and are then not counted", () => {
    const spec = interval({ lateLeftTo: "late-left", lateRightTo: "late-right" });
    const join = new JoinUnderTest(spec, create());
    join.watermark(50).left("k", "A", 50).right("k", "a", 20);
    expect(join.side("late-left")).toEqual([["A", 50]]);
    expect(join.side("late-right")).toEqual([["a", 20]]);
    expect(join.lateCount).toBe(0);
  });

  test("keeps nothing once the watermark has passed all that records could meet", () => {
    const join = new JoinUnderTest(interval({ mode: "outer" }), create());
    for (let at = 0; at < 20_000; at += 100) join.left(at % 700, "A", at).right(at % 300, "a", at);
    const full = join.cellCount();
    join.watermark(15_000);
    expect(join.cellCount()).toBeLessThan(full / 2);
    join.watermark(30_000);
    expect(join.cellCount()).toBe(0);
  });

  test.each([
    ["inner", []],
    ["left", [["A-undefined", 110]]],
    ["right", [["undefined-a", 55]]],
    [
      "outer",
      [
        ["undefined-a", 55],
        ["A-undefined", 110],
      ],
    ],
  ] as const)("%s: who has met nobody comes out when nobody can come any more", (mode, lonely) => {
    const join = new JoinUnderTest(interval({ mode }), create());
    join.left("k", "A", 100).right("k", "a", 50);
    join.left("k", "B", 300).right("k", "b", 301).take();
    join.watermark(54).watermark(109);
    expect(join.take()).toEqual(lonely.filter(([, at]) => at < 100));
    join.watermark(110);
    expect(join.take()).toEqual(lonely.filter(([, at]) => at > 100));
    join.watermark(Infinity);
    expect(join.take()).toEqual([]);
  });

  test("an interval before the left record lets it come out at its own time", () => {
    const spec = interval({ mode: "left", lowerMs: -20, upperMs: -10 });
    const join = new JoinUnderTest(spec, create());
    join.left("k", "A", 100).watermark(99);
    expect(join.take()).toEqual([]);
    join.watermark(100);
    expect(join.take()).toEqual([["A-undefined", 100]]);
  });

  test("the end of input brings out all that has met nobody", () => {
    const join = new JoinUnderTest(interval({ mode: "outer" }), create());
    join.left("k", "A", 100).right("m", "a", 90).watermark(Infinity);
    expect(join.take()).toEqual([
      ["undefined-a", 95],
      ["A-undefined", 110],
    ]);
    expect(join.cellCount()).toBe(0);
  });

  test("emits the pairs of the nested loop, whatever the order, the pauses and the restores", () => {
    fc.assert(
      fc.property(
        fc.record({
          mode: fc.constantFrom(...modes),
          lowerMs: fc.integer({ min: -2_500, max: 1_500 }),
          lengthMs: fc.integer({ min: 1, max: 4_000 }),
          isLowerExclusive: fc.boolean(),
          isUpperExclusive: fc.boolean(),
        }),
        fc.array(stepOf, { maxLength: 60, size: "max" }),
        fc.array(fc.boolean(), { maxLength: 20, size: "max" }),
        ({ lengthMs, ...over }, steps, pauses) => {
          const spec = interval({ ...over, upperMs: over.lowerMs + lengthMs });
          const run = withRisingTimes(steps);
          const left = [...pauses];
          const join = new JoinUnderTest(spec, create(), () => left.pop() ?? false);
          const emitted = join.do(run).watermark(Infinity).take();
          expect(sorted(emitted)).toEqual(sorted(nestedLoop(spec, run)));
          expect(join.cellCount()).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Times are ahead of the watermark, mostly not by much, and not in order. */
const stepOf: fc.Arbitrary<JoinStep> = fc.oneof(
  { weight: 8, arbitrary: recordStep() },
  { weight: 3, arbitrary: fc.nat(1_500).map((at): JoinStep => ({ kind: "watermark", at })) },
  { weight: 1, arbitrary: fc.constant<JoinStep>({ kind: "restore" }) },
);

function recordStep(): fc.Arbitrary<JoinStep> {
  return fc
    .tuple(
      fc.constantFrom("left", "right"),
      fc.constantFrom("a", "b", null),
      fc.integer({ min: 1, max: 3_000 }),
    )
    .map(([kind, key, at]): JoinStep => ({ kind, key, value: "", at }));
}

/** Makes times relative to the watermark absolute, and values unique. */
function withRisingTimes(steps: readonly JoinStep[]): readonly JoinStep[] {
  let watermarkMs = 0;
  return steps.map((step, index): JoinStep => {
    if (step.kind === "restore") return step;
    if (step.kind === "watermark") {
      watermarkMs += step.at;
      return { kind: "watermark", at: watermarkMs };
    }
    return { ...step, value: index, at: watermarkMs + step.at };
  });
}

function nestedLoop(
  spec: IntervalJoinSpec,
  steps: readonly JoinStep[],
): readonly (readonly [unknown, number])[] {
  const records = steps.filter(isRecord);
  const isPair = (one: RecordStep, other: RecordStep): boolean => {
    const distance = other.at - one.at;
    if (one.kind !== "left" || other.kind !== "right" || one.key !== other.key) return false;
    if (distance < spec.lowerMs || distance > spec.upperMs) return false;
    if (spec.isLowerExclusive && distance === spec.lowerMs) return false;
    return !(spec.isUpperExclusive && distance === spec.upperMs);
  };
  const pairs = records.flatMap((one) =>
    records
      .filter((other) => isPair(one, other))
      .map(
        (other) =>
          [`${String(one.value)}-${String(other.value)}`, Math.max(one.at, other.at)] as const,
      ),
  );
  const lonely = records.flatMap((one): readonly (readonly [unknown, number])[] => {
    if (records.some((other) => isPair(one, other) || isPair(other, one))) return [];
    if (one.kind === "left" && (spec.mode === "left" || spec.mode === "outer")) {
      return [[`${String(one.value)}-undefined`, one.at + Math.max(0, spec.upperMs)]];
    }
    if (one.kind === "right" && (spec.mode === "right" || spec.mode === "outer")) {
      return [[`undefined-${String(one.value)}`, one.at + Math.max(0, -spec.lowerMs)]];
    }
    return [];
  });
  return [...pairs, ...lonely];
}

type RecordStep = Extract<JoinStep, { readonly kind: "left" | "right" }>;

function isRecord(step: JoinStep): step is RecordStep {
  return step.kind === "left" || step.kind === "right";
}

function sorted(emitted: readonly (readonly [unknown, number])[]): readonly string[] {
  return emitted.map((one) => JSON.stringify(one)).toSorted();
}
