import type { Link } from "../proxy/tcp-proxy.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";

/** How many faults of each kind a run has. */
export interface FaultCounts {
  readonly workerKills: number;
  readonly leaderKills: number;
  /** Of every coordinator and worker at once; the stores survive (F32). */
  readonly killsOfAll: number;
  readonly pauses: number;
  readonly s3Outages: number;
  readonly etcdOutages: number;
  readonly linkFaults: number;
}

/** What stands between two kinds of processes. */
export type LinkKind = "worker-coordinator" | "worker-s3" | "coordinator-etcd";

/** Which of several: the fraction of the list of those that qualify when the time comes. */
interface Choice {
  readonly victim: number;
}

/** A process is hit with SIGSTOP, or ended and started again. */
type OutageMode = "kill" | "pause";

export type FaultAction =
  /** Of one on which the job runs. */
  | ({ readonly kind: "kill-worker" } & Choice)
  | { readonly kind: "kill-leader" }
  | { readonly kind: "kill-all" }
  | ({ readonly kind: "pause-worker"; readonly durationMs: number } & Choice)
  | { readonly kind: "pause-leader"; readonly durationMs: number }
  | { readonly kind: "pause-standby"; readonly durationMs: number }
  | { readonly kind: "s3-outage"; readonly mode: OutageMode; readonly durationMs: number }
  | ({
      readonly kind: "etcd-outage";
      readonly mode: OutageMode;
      readonly members: 1 | 2;
      readonly durationMs: number;
    } & Choice)
  | ({
      readonly kind: "link-fault";
      readonly between: LinkKind;
      readonly link: Link;
      readonly durationMs: number;
    } & Choice);

export interface ScheduledFault {
  readonly action: FaultAction;
  /** After everything is well again, so that faults fall anywhere between two checkpoints. */
  readonly waitMs: number;
}

/** Returns the counts of a run with so many kills: the shares of the run with 200. */
export function defaultCounts(kills: number): FaultCounts {
  const leaderKills = Math.round(kills / 5);
  return {
    workerKills: kills - leaderKills,
    leaderKills,
    killsOfAll: Math.round(kills / 100),
    pauses: Math.round(kills / 10),
    s3Outages: Math.round(kills / 20),
    etcdOutages: Math.round(kills / 20),
    linkFaults: Math.round(kills / 20),
  };
}

/** Returns the faults of a run, in an order that the seed decides. */
export function drawSchedule(counts: FaultCounts, seed: number): readonly ScheduledFault[] {
  const random = createSeededRandom(seed);
  const actions = [
    ...repeat<FaultAction>(counts.workerKills, () => ({
      kind: "kill-worker",
      victim: random.fraction(),
    })),
    ...repeat<FaultAction>(counts.leaderKills, () => ({ kind: "kill-leader" })),
    ...repeat<FaultAction>(counts.killsOfAll, () => ({ kind: "kill-all" })),
    ...repeat<FaultAction>(counts.pauses, (index) => drawPause(random, index)),
    ...repeat<FaultAction>(counts.s3Outages, () => ({
      kind: "s3-outage",
      mode: random.pick(["kill", "pause"]),
      durationMs: random.spread(500, 10_000),
    })),
    // One time a majority is away.
    ...repeat<FaultAction>(counts.etcdOutages, (index) => ({
      kind: "etcd-outage",
      mode: random.pick(["kill", "pause"]),
      members: index === 0 ? 2 : 1,
      durationMs: random.spread(500, 8_000),
      victim: random.fraction(),
    })),
    ...repeat<FaultAction>(counts.linkFaults, (index) => drawLinkFault(random, index)),
  ];
  return random.shuffle(actions).map((action) => ({ action, waitMs: random.between(0, 1_200) }));
}

/** Half of them of workers. */
function drawPause(random: SeededRandom, index: number): FaultAction {
  const durationMs = random.spread(1_000, 30_000);
  if (index % 2 === 0) return { kind: "pause-worker", victim: random.fraction(), durationMs };
  return { kind: index % 4 === 1 ? "pause-leader" : "pause-standby", durationMs };
}

const linkKinds = ["worker-coordinator", "worker-s3", "coordinator-etcd"] as const;

function drawLinkFault(random: SeededRandom, index: number): FaultAction {
  const link = random.pick<Link>([
    { kind: "cut" },
    { kind: "black-hole" },
    { kind: "slow", latencyMs: Math.round(random.between(50, 300)) },
    { kind: "slow", bytesPerSecond: Math.round(random.spread(20_000, 500_000)) },
  ]);
  return {
    kind: "link-fault",
    between: linkKinds[index % linkKinds.length] ?? linkKinds[0],
    link,
    durationMs: random.spread(500, 8_000),
    victim: random.fraction(),
  };
}

function repeat<T>(count: number, create: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => create(index));
}
