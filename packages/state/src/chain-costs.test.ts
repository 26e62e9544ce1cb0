import { parseCheckpointId } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { ChainCosts, type WrittenBlocks } from "./chain-costs.ts";
import type { EmittedRange } from "./group-writers.ts";

const groupCount = 128;
const groups = { start: 0, end: groupCount - 1 };
const entryBytes = 100;

interface Section {
  readonly group: number;
  readonly role: EmittedRange["role"];
  readonly sizeBytes: number;
}

function blocksOf(sections: readonly Section[]): WrittenBlocks {
  let sumBytes = 0;
  for (const { sizeBytes } of sections) sumBytes += sizeBytes;
  return {
    ranges: sections.map(({ group, role }) => ({ role, groupStart: group, groupEnd: group })),
    bytesByGroup: new Map(sections.map(({ group, sizeBytes }) => [group, sizeBytes])),
    entryCount: sumBytes / entryBytes,
  };
}

/** A state of equal groups that changes in the same measure before each checkpoint. */
class PlayedState {
  readonly #costs = new ChainCosts(groups);
  #liveBytes: number;
  readonly #chains: { length: number; bytes: number }[];

  constructor(liveBytes: number) {
    this.#liveBytes = liveBytes;
    this.#chains = Array.from({ length: groupCount }, () => ({ length: 0, bytes: liveBytes }));
    const bases = this.#chains.map((_, group): Section => ({
      group,
      role: "base",
      sizeBytes: liveBytes,
    }));
    this.#costs.note(blocksOf(bases));
  }

  /** Takes a checkpoint before which each group wrote so much; returns what it rewrote and uploads. */
  checkpoint(id: bigint, change: { changedBytes: number; newBytes?: number }): Taken {
    const { changedBytes, newBytes = 0 } = change;
    this.#liveBytes += newBytes;
    const due = this.#costs.groupsDue(parseCheckpointId(id), () => this.#liveBytes / entryBytes);
    const sections = this.#chains.map((chain, group): Section => {
      const isBase = due.has(group);
      const sizeBytes = isBase ? this.#liveBytes : changedBytes + newBytes;
      chain.length = isBase ? 0 : chain.length + 1;
      chain.bytes = isBase ? sizeBytes : chain.bytes + sizeBytes;
      return { group, role: isBase ? "base" : "delta", sizeBytes };
    });
    this.#costs.note(blocksOf(sections));
    let sumBytes = 0;
    for (const { sizeBytes } of sections) sumBytes += sizeBytes;
    return {
      rewritten: due.size,
      share: sumBytes / (this.#liveBytes * groupCount),
      longestChain: Math.max(...this.#chains.map(({ length }) => length)),
      chainFactor: Math.max(...this.#chains.map(({ bytes }) => bytes / this.#liveBytes)),
    };
  }

  run(count: number, changedBytes: number, idStep = 1n): readonly Taken[] {
    return Array.from({ length: count }, (_, index) =>
      this.checkpoint(1_001n + BigInt(index) * idStep, { changedBytes }),
    );
  }
}

interface Taken {
  readonly rewritten: number;
  /** Uploaded bytes, as a share of the live ones. */
  readonly share: number;
  readonly longestChain: number;
  /** Bytes of a group's chain for each live one, at most. */
  readonly chainFactor: number;
}

const most = (taken: readonly Taken[], of: keyof Taken): number =>
  Math.max(...taken.map((one) => one[of]));

describe("which groups a delta rewrites", () => {
  test("where 1 % changes, a checkpoint uploads at most 3 %, and a restore reads little in vain", () => {
    const taken = new PlayedState(100_000).run(1_000, 1_000);
    expect(most(taken, "share")).toBeLessThan(0.03);
    expect(most(taken, "longestChain")).toBeLessThanOrEqual(128);
    expect(most(taken, "chainFactor")).toBeLessThan(2.3);
  });

  test("behind a load of new keys that outweighs the bases nothing more is rewritten", () => {
    const state = new PlayedState(10_000);
    for (let id = 1n; id < 6n; id += 1n) {
      state.checkpoint(id, { changedBytes: 1_000, newBytes: 20_000 });
    }
    const behind = state.run(200, 1_100);
    expect(most(behind, "share")).toBeLessThan(0.03);
    expect(most(behind.slice(0, 30), "rewritten")).toBe(1);
  });

  test.for([0.1, 0.3, 0.9])("where %d of all changes, chains stay short", (share) => {
    const liveBytes = 100_000;
    const taken = new PlayedState(liveBytes).run(300, share * liveBytes);
    // 1.5 of what changes, a turn, and one group that was saved up for.
    expect(most(taken, "share")).toBeLessThan(share * 1.5 + 2 / groupCount);
    expect(most(taken, "chainFactor")).toBeLessThan(5);
    expect(most(taken.slice(50), "longestChain")).toBeLessThan(3 / share);
  });

  test("where the state is small, a restore reads few blocks", () => {
    const taken = new PlayedState(2_000).run(300, 100);
    expect(most(taken.slice(50), "longestChain")).toBeLessThanOrEqual(16);
    expect(most(taken, "rewritten")).toBeLessThan(groupCount / 4);
  });

  test("what died whole, as a pane does, is rewritten at once: it costs nothing", () => {
    const costs = new ChainCosts(groups);
    costs.note(blocksOf([{ group: 5, role: "base", sizeBytes: 1e9 }]));
    costs.note(blocksOf([{ group: 5, role: "delta", sizeBytes: 100 }]));
    expect([...costs.groupsDue(parseCheckpointId(1n), () => 0)]).toEqual([5]);
  });

  test("a group that outweighs what one snapshot may rewrite is saved up for", () => {
    const costs = new ChainCosts(groups);
    const liveBytes = 1_000_000;
    costs.note(blocksOf([{ group: 5, role: "base", sizeBytes: liveBytes }]));
    let isDue = false;
    let count = 0;
    for (; !isDue && count < 100; count += 1) {
      costs.note(blocksOf([{ group: 5, role: "delta", sizeBytes: liveBytes / 4 }]));
      // The same id each time: no turn.
      isDue = costs.groupsDue(parseCheckpointId(128n), () => liveBytes / entryBytes).has(5);
    }
    expect(count).toBeGreaterThan(4);
    expect(count).toBeLessThan(16);
  });

  test("groups that are larger than the floor are not saved up for out of it", () => {
    const part = { start: 0, end: 15 };
    const liveBytes = 70_000;
    const costs = new ChainCosts(part);
    const write = (roleOf: (group: number) => EmittedRange["role"]): void => {
      const sections = Array.from({ length: 16 }, (_, group): Section => {
        const role = roleOf(group);
        return { group, role, sizeBytes: role === "base" ? liveBytes : liveBytes / 100 };
      });
      costs.note(blocksOf(sections));
    };
    write(() => "base");
    const rewritten = Array.from({ length: 256 }, (_, index) => {
      const id = parseCheckpointId(1_001n + BigInt(index));
      const due = costs.groupsDue(id, () => liveBytes / entryBytes);
      write((group) => (due.has(group) ? "base" : "delta"));
      return due.size;
    });
    // The turn goes twice round the groups, and takes more than half of what changes.
    const sum = rewritten.reduce((before, count) => before + count);
    expect(sum).toBeGreaterThanOrEqual(2 * 16);
    expect(sum).toBeLessThan(2 * 16 + 4);
  });

  test("subtasks that share the groups take turns, not all in one checkpoint", () => {
    const subtasks = Array.from({ length: 8 }, (_, index) => {
      const own = { start: index * 16, end: index * 16 + 15 };
      const costs = new ChainCosts(own);
      for (const role of ["base", "delta"] as const) {
        const ranges = [{ role, groupStart: own.start, groupEnd: own.end }];
        const bytesByGroup = new Map(
          Array.from({ length: 16 }, (_empty, group) => [own.start + group, 1e6]),
        );
        costs.note({ ranges, bytesByGroup, entryCount: 16e6 / entryBytes });
      }
      return costs;
    });
    for (let id = 777n; id < 905n; id += 1n) {
      const due = subtasks.map(
        (costs) => costs.groupsDue(parseCheckpointId(id), () => 2e6 / entryBytes).size,
      );
      expect(due.reduce((sum, count) => sum + count)).toBe(1);
    }
  });

  test("ids that jump, as after an aborted checkpoint, rewrite no more for that", () => {
    const taken = new PlayedState(1e9).run(500, 1, 7n);
    expect(most(taken, "rewritten")).toBe(1);
    expect(most(taken, "longestChain")).toBe(128);
  });

  test("a chain whose turn never comes ends all the same", () => {
    const costs = new ChainCosts(groups);
    const liveBytes = 1_000_000;
    costs.note(blocksOf([{ group: 0, role: "base", sizeBytes: liveBytes }]));
    for (let count = 0; count < 256; count += 1) {
      costs.note(blocksOf([{ group: 0, role: "delta", sizeBytes: 0 }]));
    }
    const due = costs.groupsDue(parseCheckpointId(5n), () => liveBytes / entryBytes);
    expect([...due]).toEqual([0]);
  });

  test("what did not change since its base is not rewritten", () => {
    const costs = new ChainCosts(groups);
    costs.note(blocksOf([{ group: 5, role: "base", sizeBytes: 1_000 }]));
    for (let id = 1n; id < 200n; id += 1n) {
      expect(costs.groupsDue(parseCheckpointId(id), () => 0).size).toBe(0);
    }
  });
});
