import type { Fault, FaultKind } from "./fault.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What can happen on one machine, with SQLite and a folder. */
type EmbeddedKind = Extract<
  FaultKind,
  | "kill-worker"
  | "kill-slot"
  | "kill-coordinator"
  | "pause-worker"
  | "pause-coordinator"
  | "usurp"
  | "partition"
  | "store-faults"
  | "store-down"
  | "slow-links"
>;

const kinds: readonly EmbeddedKind[] = [
  "kill-worker",
  "kill-slot",
  "kill-coordinator",
  "pause-worker",
  "pause-coordinator",
  "usurp",
  "partition",
  "store-faults",
  "store-down",
  "slow-links",
];

/**
 * Returns the faults of a run, by time, none after `endMs`. Each kind gets a weight of its own and
 * often none: a run without pauses finds what pauses would hide.
 */
export function drawFaults(
  random: SeededRandom,
  limits: { readonly endMs: number; readonly workerCount: number },
): readonly Fault[] {
  const weighted = kinds.flatMap((kind) => {
    const weight = random.chance(0.4) ? 0 : 1 + random.below(4);
    return Array.from({ length: weight }, () => kind);
  });
  if (weighted.length === 0 || random.chance(0.03)) return [];
  const count = 1 + random.below(10);
  return Array.from({ length: count }, () =>
    drawFault(random, random.pick(weighted), limits),
  ).toSorted((left, right) => left.atMs - right.atMs);
}

function drawFault(
  random: SeededRandom,
  kind: EmbeddedKind,
  limits: { readonly endMs: number; readonly workerCount: number },
): Fault {
  const atMs = 200 + random.below(limits.endMs - 200);
  const worker = random.below(limits.workerCount);
  const lastMs = random.chance(0.5) ? 200 + random.below(2_000) : 2_000 + random.below(10_000);
  const store = random.pick(["metadata", "objects"] as const);
  switch (kind) {
    case "kill-worker":
      return { kind, atMs, worker, downMs: 50 + random.below(3_000) };
    case "kill-slot":
      return { kind, atMs, worker };
    case "kill-coordinator":
      return { kind, atMs, downMs: 50 + random.below(5_000) };
    case "pause-worker":
      return { kind, atMs, worker, lastMs };
    case "pause-coordinator":
    case "usurp":
      return kind === "usurp" ? { kind, atMs } : { kind, atMs, lastMs };
    case "partition":
      return { kind, atMs, left: worker, right: random.below(limits.workerCount + 1) - 1, lastMs };
    case "store-faults": {
      const lostRequests = random.below(20) / 100;
      return { kind, atMs, store, lostRequests, lostResponses: random.below(30) / 100, lastMs };
    }
    case "store-down":
      return { kind, atMs, store, lastMs };
    case "slow-links":
      return { kind, atMs, maxLatencyMs: 20 + random.below(400), lastMs };
  }
}
