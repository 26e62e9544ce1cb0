import { noFailpoints, type Failpoints } from "@millrace/core";
import type { CombineSettings } from "@millrace/operators";
import { describe, expect, test } from "vitest";

import { alwaysCombining } from "../test-kit/always-combining.ts";
import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget } from "../test-kit/test-connectors.ts";
import {
  drained,
  expectedSums,
  recordsOf,
  sorted,
  sumPerWindow,
  windowNodes,
  worldOf,
} from "../test-kit/test-jobs.ts";

const combining: CombineSettings = { ...alwaysCombining, entryCount: 16 };

const splits = [0, 300, 900, 1_500].map((offset) => recordsOf(400, offset));

function combinedNodes(target: TestTarget, rateLimit?: number): TestNode[] {
  return windowNodes(target, splits, rateLimit).map((node) =>
    node.name === "sums" ? { ...node, spec: { ...sumPerWindow, isCombined: true } } : node,
  );
}

describe.each([
  ["within the slot", 1],
  ["between slots", 2],
])("combined records %s", (_where, parallelism) => {
  const options = { parallelism, isEncoding: true, ports: { combining } };

  test("give the results of records, and count as them", async () => {
    const target = new TestTarget();
    const world = worldOf(combinedNodes(target), options);
    await world.start();
    for (let slot = 0; slot < parallelism; slot += 1) await drained(world, `sums/${slot}`);
    await world.checkpoint(1n);
    expect(sorted(target.records())).toEqual(expectedSums(splits));
    await world.time.run(1_100);
    const counted = world.slots.map(({ events }) => {
      const metrics = events.findLast((event) => event.kind === "metrics");
      return metrics?.subtasks.find(({ subtaskId }) => subtaskId.startsWith("sums/"))?.recordsIn;
    });
    expect(counted.reduce((sum: number, count) => sum + (count ?? 0), 0)).toBe(1_600);
  });

  async function runWithRestart(failpoints: Failpoints): Promise<TestTarget> {
    const target = new TestTarget();
    const world = worldOf(combinedNodes(target, 2_000), { ...options, failpoints });
    await world.start();
    await world.time.run(137);
    const snapshot = await world.checkpoint(1n);
    const resumed = worldOf(combinedNodes(target), {
      ...options,
      restore: snapshot,
      attempt: 2,
      pool: world.pool(),
    });
    await resumed.start();
    for (let slot = 0; slot < parallelism; slot += 1) await drained(resumed, `sums/${slot}`);
    await resumed.checkpoint(2n);
    return target;
  }

  test("are none in a snapshot: all are before its barrier (S8)", async () => {
    const target = await runWithRestart(noFailpoints);
    expect(sorted(target.records())).toEqual(expectedSums(splits));
  });

  test("are lost if they leave behind the barrier (planted bug)", async () => {
    const target = await runWithRestart({
      isActive: (name) => name === "combiner-not-flushed-at-barrier",
    });
    expect(sorted(target.records())).not.toEqual(expectedSums(splits));
  });
});
