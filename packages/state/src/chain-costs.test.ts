import { parseCheckpointId } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { ChainCosts } from "./chain-costs.ts";

const groupCount = 128;
const groups = { start: 0, end: groupCount - 1 };

interface Run {
  /** Bytes that a group's base has. */
  readonly baseBytes: number;
  /** Bytes that its delta adds in each checkpoint. */
  readonly deltaBytes: number;
  readonly checkpointCount: number;
  /** The step from one checkpoint's id to the next. */
  readonly idStep?: bigint;
}

/** Returns how many groups each checkpoint rewrites, and the longest chain of deltas. */
function play({ baseBytes, deltaBytes, checkpointCount, idStep = 1n }: Run): {
  readonly rewritten: readonly number[];
  readonly longestChain: number;
} {
  const costs = new ChainCosts(groups);
  const note = (group: number, role: "base" | "delta", bytes: number): void =>
    costs.note([{ role, groupStart: group, groupEnd: group }], new Map([[group, bytes]]));
  const chains = Array.from({ length: groupCount }, () => 0);
  for (const group of chains.keys()) note(group, "base", baseBytes);
  const rewritten: number[] = [];
  let longestChain = 0;
  for (let number = 1n; number <= BigInt(checkpointCount); number += 1n) {
    const due = costs.groupsDue(parseCheckpointId(1_000n + number * idStep));
    rewritten.push(due.size);
    for (const [group, chain] of chains.entries()) {
      const isBase = due.has(group);
      chains[group] = isBase ? 0 : chain + 1;
      longestChain = Math.max(longestChain, chains[group] ?? 0);
      note(group, isBase ? "base" : "delta", isBase ? baseBytes : deltaBytes);
    }
  }
  return { rewritten, longestChain };
}

describe("which groups a delta rewrites", () => {
  test("where 1 % changes, every checkpoint rewrites one of 128 groups, never more", () => {
    const { rewritten, longestChain } = play({
      baseBytes: 100_000,
      deltaBytes: 1_100,
      checkpointCount: 1_000,
    });
    expect(new Set(rewritten.slice(1))).toEqual(new Set([1]));
    expect(longestChain).toBe(128);
  });

  test("subtasks that share the groups take turns, not all in one checkpoint", () => {
    const subtasks = Array.from({ length: 8 }, (_, index) => {
      const own = { start: index * 16, end: index * 16 + 15 };
      const costs = new ChainCosts(own);
      for (const role of ["base", "delta"] as const) {
        costs.note([{ role, groupStart: own.start, groupEnd: own.end }], new Map());
      }
      return costs;
    });
    for (let id = 777n; id < 905n; id += 1n) {
      const due = subtasks.map((costs) => costs.groupsDue(parseCheckpointId(id)).size);
      expect(due.reduce((sum, count) => sum + count)).toBe(1);
    }
  });

  test("ids that jump, as after an aborted checkpoint, rewrite no more for that", () => {
    const { rewritten, longestChain } = play({
      baseBytes: 1e9,
      deltaBytes: 1,
      checkpointCount: 500,
      idStep: 7n,
    });
    expect(Math.max(...rewritten)).toBe(1);
    expect(longestChain).toBe(128);
  });

  test("where all changes, deltas do not pile up to more than some times the base", () => {
    const { rewritten, longestChain } = play({
      baseBytes: 1_000,
      deltaBytes: 900,
      checkpointCount: 100,
    });
    expect(longestChain).toBeLessThanOrEqual(5);
    expect(rewritten.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(groupCount * 15);
  });

  test("where a tenth changes, groups do not all grow heavy in one checkpoint", () => {
    const { rewritten } = play({ baseBytes: 100_000, deltaBytes: 10_000, checkpointCount: 300 });
    expect(Math.max(...rewritten)).toBeLessThan(groupCount / 6);
  });

  test("a chain whose turn never comes ends all the same", () => {
    const costs = new ChainCosts(groups);
    const one = { groupStart: 0, groupEnd: 0 };
    costs.note([{ role: "base", ...one }], new Map([[0, 1_000_000]]));
    for (let count = 0; count < 256; count += 1) costs.note([{ role: "delta", ...one }], new Map());
    expect([...costs.groupsDue(parseCheckpointId(5n))]).toEqual([0]);
  });

  test("a load of new keys that outweighed a base makes nothing heavy once little changes", () => {
    const costs = new ChainCosts(groups);
    const one = { groupStart: 3, groupEnd: 3 };
    costs.note([{ role: "base", ...one }], new Map([[3, 100_000]]));
    for (let count = 0; count < 4; count += 1) {
      costs.note([{ role: "delta", ...one }], new Map([[3, 60_000]]));
    }
    expect(costs.groupsDue(parseCheckpointId(1n)).has(3)).toBe(true);
    costs.note([{ role: "delta", ...one }], new Map([[3, 2_000]]));
    expect(costs.groupsDue(parseCheckpointId(2n)).has(3)).toBe(false);
  });

  test("where groups are small, chains are short: a restore reads fewer objects", () => {
    const { rewritten, longestChain } = play({
      baseBytes: 10_000,
      deltaBytes: 10,
      checkpointCount: 300,
    });
    expect(longestChain).toBe(39);
    expect(Math.max(...rewritten)).toBeLessThan(groupCount / 6);
  });

  test("what did not change since its base is not rewritten", () => {
    const costs = new ChainCosts(groups);
    costs.note([{ role: "base", groupStart: 0, groupEnd: 127 }], new Map([[5, 1_000]]));
    for (let id = 1n; id < 200n; id += 1n) {
      expect(costs.groupsDue(parseCheckpointId(id)).size).toBe(0);
    }
  });
});
