import { assertNever } from "@millrace/core";
import { keepsLeft, keepsRight, type IntervalJoinSpec, type JoinSpec } from "@millrace/graph";

import type { KeyGroup, Received, Timed } from "./records.ts";
import { runTableJoin, runTemporalJoin } from "./run-table.ts";

/** Returns what a join emits for the records of one key, by comparing each with each. */
export function runJoin(spec: JoinSpec, group: KeyGroup): readonly Timed[] {
  const { records } = group;
  switch (spec.type) {
    case "interval":
      return runIntervalJoin(spec, records);
    case "tables":
      return runTableJoin(spec, group);
    case "lookup":
    case "temporal":
      return runTemporalJoin(spec, group);
    default:
      return assertNever(spec);
  }
}

function runIntervalJoin(spec: IntervalJoinSpec, records: readonly Received[]): readonly Timed[] {
  const left = records.filter(({ input }) => input === 0);
  const right = records.filter(({ input }) => input === 1);
  const isPair = (one: Received, other: Received): boolean => {
    const distanceMs = other.atMs - one.atMs;
    const isAbove = spec.isLowerExclusive ? distanceMs > spec.lowerMs : distanceMs >= spec.lowerMs;
    const isBelow = spec.isUpperExclusive ? distanceMs < spec.upperMs : distanceMs <= spec.upperMs;
    return isAbove && isBelow;
  };
  const emitted: Timed[] = [];
  for (const one of left) {
    for (const other of right) {
      if (!isPair(one, other)) continue;
      const atMs = Math.max(one.atMs, other.atMs);
      emitted.push({ value: spec.join(one.value, other.value), atMs });
    }
  }
  if (keepsLeft(spec.mode)) {
    for (const one of left.filter((each) => !right.some((other) => isPair(each, other)))) {
      const atMs = Math.ceil(one.atMs) + Math.max(0, spec.upperMs);
      emitted.push({ value: spec.join(one.value, undefined), atMs });
    }
  }
  if (keepsRight(spec.mode)) {
    for (const other of right.filter((each) => !left.some((one) => isPair(one, each)))) {
      const atMs = Math.ceil(other.atMs) + Math.max(0, -spec.lowerMs);
      emitted.push({ value: spec.join(undefined, other.value), atMs });
    }
  }
  return emitted;
}
