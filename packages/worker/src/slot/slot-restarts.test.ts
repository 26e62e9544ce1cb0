import { parseCheckpointId } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import type { SnapshotEvent, SlotWorld } from "../test-kit/slot-world.ts";
import { TestTarget } from "../test-kit/test-connectors.ts";
import { expectedSums, recordsOf, sorted, windowNodes, worldOf } from "../test-kit/test-jobs.ts";

const splits = [0, 350, 700, 1_050, 1_400].map((offset) => recordsOf(90, offset));

/** One attempt: runs, perhaps aborts a checkpoint, takes one, runs on, and dies. */
const attempts = fc.array(
  fc.record({
    parallelism: fc.integer({ min: 1, max: 4 }),
    beforeMs: fc.integer({ min: 0, max: 40 }),
    isAborting: fc.boolean(),
    afterMs: fc.integer({ min: 0, max: 20 }),
  }),
  { minLength: 1, maxLength: 5 },
);

interface Head {
  readonly snapshot: readonly SnapshotEvent[];
  readonly pool: ReturnType<SlotWorld["pool"]>;
}

test("any sequence of attempts and checkpoints gives the output of an undisturbed run (S9, S13)", async () => {
  await fc.assert(
    fc.asyncProperty(attempts, async (schedule) => {
      const target = new TestTarget();
      let head: Head | undefined;
      let checkpointId = 0n;
      const open = async (parallelism: number, attempt: number): Promise<SlotWorld> => {
        const restored = head === undefined ? {} : { restore: head.snapshot, pool: [...head.pool] };
        const world = worldOf(windowNodes(target, splits, 8_000), {
          ...restored,
          parallelism,
          attempt,
          isEncoding: true,
        });
        await world.start();
        return world;
      };
      for (const [index, step] of schedule.entries()) {
        const world = await open(step.parallelism, index + 1);
        await world.time.run(step.beforeMs);
        if (step.isAborting) {
          checkpointId += 1n;
          world.injectBarrier(checkpointId);
          await world.time.run(1);
          const aborted = parseCheckpointId(checkpointId);
          world.broadcast({ kind: "checkpoint-aborted", checkpointId: aborted });
        }
        checkpointId += 1n;
        world.onInject = (pool) => {
          head = { snapshot: [], pool };
        };
        const snapshot = await world.checkpoint(checkpointId);
        head = { snapshot, pool: head?.pool ?? [] };
        await world.time.run(step.afterMs);
        expect(world.failure()).toBeUndefined();
      }
      const last = await open(2, schedule.length + 1);
      await last.time.runUntil(
        () => last.stateOf("sums/0") === "drained" && last.stateOf("sums/1") === "drained",
      );
      await last.checkpoint(checkpointId + 1n);
      expect(sorted(target.records())).toEqual(expectedSums(splits));
    }),
    { numRuns: 25 },
  );
}, 60_000);
