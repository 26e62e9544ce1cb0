import type { Fault, FaultKind } from "./fault.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface ClusterFaultLimits {
  /** No fault begins after it. */
  readonly endMs: number;
  readonly workerCount: number;
  readonly leaseMs: number;
}

/** All coordinators of a cluster run from the start: nobody usurps. Who is far off is drawn apart. */
type ClusterKind = Exclude<FaultKind, "usurp" | "far-worker">;

/** Kinds that belong together: a run has some of the groups and none of the others. */
const groups: readonly (readonly ClusterKind[])[] = [
  ["kill-worker", "kill-slot", "pause-worker"],
  ["kill-coordinator", "kill-standby"],
  ["pause-coordinator", "store-cut"],
  ["partition", "slow-links", "repeat-messages"],
  ["revoke-lease", "stuck-leases"],
  ["compact", "cancel-watches", "silent-watches"],
  ["store-faults", "store-down", "no-space"],
  ["slow-store"],
  ["slow-puts", "failing-puts", "ambiguous-puts"],
  ["wrong-reads"],
  ["damage-object"],
  ["kill-at-call"],
];

/** Of all lasting faults, so many are over soon; the others may outlive leases and deadlines. */
const shortShare = 0.5;

/**
 * Returns the faults of a run of a cluster, by time. Each group of kinds gets a weight of its own and
 * often none; a damaged object is rare, because little can be said of a run after it.
 */
export function drawClusterFaults(
  random: SeededRandom,
  limits: ClusterFaultLimits,
): readonly Fault[] {
  const weighted = groups.flatMap((kinds) => {
    const isRare = kinds.includes("damage-object");
    const weight = random.chance(isRare ? 0.9 : 0.5) ? 0 : 1 + random.below(4);
    return Array.from({ length: weight }, () => kinds);
  });
  if (weighted.length === 0 || random.chance(0.03)) return [];
  const count = 2 + random.below(16);
  return Array.from({ length: count }, () =>
    drawClusterFault(random, random.pick(random.pick(weighted)), limits),
  ).toSorted((left, right) => left.atMs - right.atMs);
}

/** What any fault is drawn from; each uses what it needs. */
interface Draws {
  readonly atMs: number;
  readonly isShort: boolean;
  readonly lastMs: number;
  /** As long, or longer than a lease. */
  readonly beyondLeaseMs: number;
  readonly downMs: number;
  readonly worker: number;
  /** A worker, or -1 for the leading coordinator. */
  readonly anyone: number;
  readonly chance: number;
  readonly store: "metadata" | "objects";
}

function drawClusterFault(
  random: SeededRandom,
  kind: ClusterKind,
  limits: ClusterFaultLimits,
): Fault {
  const isShort = random.chance(shortShare);
  const lastMs = isShort ? 200 + random.below(2_000) : 2_000 + random.below(12_000);
  const draws: Draws = {
    // Most jobs are over before the last faults: more of them come early.
    atMs: 200 + random.below((limits.endMs - 200) / (random.chance(0.6) ? 2 : 1)),
    isShort,
    lastMs,
    beyondLeaseMs: isShort ? lastMs : limits.leaseMs + random.below(15_000),
    downMs: 50 + random.below(isShort ? 2_000 : 8_000),
    worker: random.below(limits.workerCount),
    anyone: random.below(limits.workerCount + 1) - 1,
    chance: (1 + random.below(8)) / 10,
    store: random.pick(["metadata", "objects"] as const),
  };
  return drawers[kind](draws, random);
}

type DrawFault = (draws: Draws, random: SeededRandom) => Fault;

const drawers: Readonly<Record<ClusterKind, DrawFault>> = {
  "kill-worker": ({ atMs, worker, downMs }) => ({ kind: "kill-worker", atMs, worker, downMs }),
  "kill-slot": ({ atMs, worker }) => ({ kind: "kill-slot", atMs, worker }),
  "kill-coordinator": ({ atMs, downMs }) => ({ kind: "kill-coordinator", atMs, downMs }),
  "kill-standby": ({ atMs, downMs }) => ({ kind: "kill-standby", atMs, downMs }),
  "kill-at-call": ({ atMs, anyone, downMs }, random) => {
    const call = 1 + random.below(30);
    return { kind: "kill-at-call", atMs, worker: anyone, call, isDone: random.chance(0.5), downMs };
  },
  "pause-worker": ({ atMs, worker, beyondLeaseMs: lastMs }) => {
    return { kind: "pause-worker", atMs, worker, lastMs };
  },
  "pause-coordinator": ({ atMs, beyondLeaseMs: lastMs }) => {
    return { kind: "pause-coordinator", atMs, lastMs };
  },
  partition: ({ atMs, worker, anyone, lastMs }) => {
    return { kind: "partition", atMs, left: worker, right: anyone, lastMs };
  },
  "slow-links": ({ atMs, lastMs }, random) => {
    return { kind: "slow-links", atMs, maxLatencyMs: 20 + random.below(400), lastMs };
  },
  "repeat-messages": ({ atMs, chance, lastMs }) => {
    return { kind: "repeat-messages", atMs: atMs / 2, chance, lastMs: 3 * lastMs };
  },
  "store-faults": ({ atMs, store, chance, lastMs }) => {
    const lostRequests = chance / 4;
    return { kind: "store-faults", atMs, store, lostRequests, lostResponses: chance / 2, lastMs };
  },
  "store-down": ({ atMs, store, lastMs }, random) => {
    const isLong = random.chance(0.2);
    return { kind: "store-down", atMs, store, lastMs: isLong ? 10 * lastMs : lastMs };
  },
  "slow-store": ({ atMs, store, beyondLeaseMs: lastMs }, random) => {
    return { kind: "slow-store", atMs, store, maxLatencyMs: 50 + random.below(700), lastMs };
  },
  "store-cut": ({ atMs, store, anyone, beyondLeaseMs: lastMs }) => {
    return { kind: "store-cut", atMs, store, worker: anyone, lastMs };
  },
  "revoke-lease": ({ atMs }) => ({ kind: "revoke-lease", atMs }),
  "stuck-leases": ({ atMs, beyondLeaseMs: lastMs }) => ({ kind: "stuck-leases", atMs, lastMs }),
  compact: ({ atMs }) => ({ kind: "compact", atMs }),
  "cancel-watches": ({ atMs }) => ({ kind: "cancel-watches", atMs }),
  "silent-watches": ({ atMs, lastMs }, random) => {
    return { kind: "silent-watches", atMs, isLostAfter: random.chance(0.5), lastMs };
  },
  "no-space": ({ atMs, lastMs }) => ({ kind: "no-space", atMs, lastMs }),
  "slow-puts": ({ atMs, isShort, lastMs }) => {
    return { kind: "slow-puts", atMs, maxDelayMs: isShort ? 2_000 : 45_000, lastMs };
  },
  "failing-puts": ({ atMs, chance, lastMs }) => ({ kind: "failing-puts", atMs, chance, lastMs }),
  "ambiguous-puts": ({ atMs, chance, lastMs }) => {
    return { kind: "ambiguous-puts", atMs, chance, lastMs };
  },
  "wrong-reads": ({ atMs, chance, lastMs }) => ({ kind: "wrong-reads", atMs, chance, lastMs }),
  "damage-object": ({ atMs }, random) => {
    const how = random.pick(["truncate", "change", "lose"] as const);
    return { kind: "damage-object", atMs, how, place: random.below(1_000) / 1_000 };
  },
};
