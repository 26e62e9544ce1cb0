import { drawClusterFaults } from "./cluster-faults.ts";
import { drawFaults } from "./fault-schedule.ts";
import type { Fault } from "./fault.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { ClusterShape } from "./sim-coordinators.ts";

/**
 * `embedded`: one machine with SQLite and a folder, where the newest coordinator leads. `cluster`:
 * coordinators that stand by, on a metadata store with leases and an object store far away.
 */
export type SimProfile = "embedded" | "cluster";

export const simProfiles: readonly SimProfile[] = ["embedded", "cluster"];

/** Returns the profile of a seed, where nothing else says: as many of the one as of the other. */
export function drawProfile(random: SeededRandom): SimProfile {
  return random.fork("profile").pick(simProfiles);
}

/** Returns the coordinators of a cluster; undefined on one machine. */
export function drawShape(profile: SimProfile, random: SeededRandom): ClusterShape | undefined {
  if (profile === "embedded") return undefined;
  const draw = random.fork("coordinators");
  return {
    count: 2 + draw.below(2),
    leaseMs: 1_500 + draw.below(4_000),
    patience: draw.pick([
      { deadlineMs: 1_500, tryTimeoutMs: 700, maxCalls: 1 },
      { deadlineMs: 10_000, tryTimeoutMs: 3_000, maxCalls: 3 },
      { deadlineMs: 120_000, tryTimeoutMs: 30_000, maxCalls: 8 },
    ]),
  };
}

/** What a run has that faults can strike. */
interface FaultLimits {
  readonly endMs: number;
  readonly workerCount: number;
  readonly coordinators: ClusterShape | undefined;
}

/** Returns the faults that the seed draws. */
export function drawFaultsOf(random: SeededRandom, limits: FaultLimits): readonly Fault[] {
  return [...drawFarWorker(random.fork("far worker"), limits), ...drawTroubles(random, limits)];
}

/** For any profile: a worker that is far from the coordinators, for the whole run. */
function drawFarWorker(draw: SeededRandom, { workerCount }: FaultLimits): readonly Fault[] {
  if (!draw.chance(0.1)) return [];
  const worker = draw.below(workerCount);
  return [{ kind: "far-worker", atMs: 0, worker, latencyMs: 5 + draw.below(150) }];
}

function drawTroubles(random: SeededRandom, limits: FaultLimits): readonly Fault[] {
  const { coordinators } = limits;
  if (coordinators === undefined) return drawFaults(random.fork("faults"), limits);
  const { leaseMs } = coordinators;
  return drawClusterFaults(random.fork("cluster faults"), { ...limits, leaseMs });
}
