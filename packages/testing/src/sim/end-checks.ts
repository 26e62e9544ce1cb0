import { planJob } from "@millrace/graph";
import { createMemoryDisk, createNodeDigest } from "@millrace/platform";

import { restoreCheckpoint } from "../kit/restore-checkpoint.ts";
import { interpret } from "../reference/interpret.ts";
import { createOracleContext } from "../reference/oracle-context.ts";
import { findDifference, type Comparison } from "./compare-outputs.ts";
import { InvariantViolation } from "./invariant-checker.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimJob } from "./sim-jobs.ts";

/** What the checks after a run need of it. */
export interface EndedRun {
  readonly cluster: SimCluster;
  readonly job: SimJob;
}

/** One connection of the simulation's small jobs and windows never has more under way. */
const maxConnectionBytes = 64 * 1_024;
/** Pointers whose removal failed go after a later commit; after the last one there is none. */
const maxSurplusPointers = 20;

/** S13, S8, S11, S12: what was published is what a run without faults gives. */
export async function compareOutputs(
  { cluster: { world }, job: { graph } }: EndedRun,
  comparison: Comparison,
): Promise<void> {
  const disk = createMemoryDisk();
  const expected = await interpret(graph, ({ name }) => createOracleContext(name, disk));
  const published = (name: string): readonly unknown[] => world.target.publishedRecords(name);
  const difference = findDifference(expected, published, comparison);
  if (difference !== undefined) throw new InvariantViolation(`S13: ${difference}`);
}

/** L4: exactly what is referenced is left; what a damaged manifest referenced is left alone. */
export async function checkGarbage({ world, checker }: SimCluster): Promise<void> {
  const isReadable = checker
    .retained()
    .every(({ manifestName }) => !checker.damaged.has(manifestName));
  const live = checker.liveObjects();
  const stored = new Set((await world.objects.list("jobs/")).map(({ name }) => name));
  const orphans = [...stored].filter((name) => !live.has(name));
  if (isReadable && orphans.length > 0) {
    const names = orphans.slice(0, 3).join(", ");
    throw new InvariantViolation(`L4: ${orphans.length} orphans are left: ${names}`);
  }
  const missing = [...live].find((name) => !stored.has(name) && !checker.damaged.has(name));
  if (missing !== undefined) throw new InvariantViolation(`S4: live object ${missing} is gone`);
}

/** The simulation's compressor changes nothing. */
const uncompressed = { name: "none", decompress: async (bytes: Uint8Array) => bytes };

/** D3: every retained checkpoint restores; returns how many cells and entries they held. */
export async function checkRestores({ cluster: { world, checker } }: EndedRun): Promise<number> {
  const source = { objects: world.objects, digest: createNodeDigest(), compressor: uncompressed };
  let cellCount = 0;
  for (const pointer of checker.retained()) {
    if (checker.referencesOf(pointer).some((name) => checker.damaged.has(name))) continue;
    try {
      const restored = await restoreCheckpoint(source, pointer);
      cellCount += restored.cellCount + restored.listEntryCount;
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new InvariantViolation(
        `D3: checkpoint ${pointer.checkpointId} does not restore: ${what}`,
      );
    }
  }
  return cellCount;
}

/** S15: what waits in queues and what is kept in the metadata is bounded. */
export function checkBounds({ cluster: { world, checker }, job }: EndedRun): void {
  for (const [kind, bytes] of Object.entries(world.fabric.peakBytes)) {
    if (bytes <= maxConnectionBytes) continue;
    throw new InvariantViolation(`S15: ${bytes} bytes were under way on one ${kind}`);
  }
  const { retainedCount } = planJob(job.graph).settings.checkpoint;
  const names = new Set(checker.retained().map(({ manifestName }) => manifestName));
  if (names.size <= retainedCount + maxSurplusPointers) return;
  throw new InvariantViolation(`S15: ${names.size} checkpoints are kept, not ${retainedCount}`);
}
