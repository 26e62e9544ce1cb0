import type { Fault } from "./fault-schedule.ts";
import { pairKey } from "./link-faults.ts";
import type { SimCluster } from "./sim-cluster.ts";

export type FaultCounts = Record<Fault["kind"], number>;

/** Schedules the faults, each with its own end. Returns what really happened, counted live. */
export function applyFaults(cluster: SimCluster, faults: readonly Fault[]): FaultCounts {
  const counts: FaultCounts = {
    "kill-worker": 0,
    "kill-slot": 0,
    "kill-coordinator": 0,
    "pause-worker": 0,
    "pause-coordinator": 0,
    usurp: 0,
    partition: 0,
    "store-faults": 0,
    "store-down": 0,
    "slow-links": 0,
  };
  for (const fault of faults) {
    cluster.world.scheduler.schedule(fault.atMs, `fault ${fault.kind}`, () => {
      counts[fault.kind] += 1;
      applyFault(cluster, fault);
    });
  }
  return counts;
}

function applyFault(cluster: SimCluster, fault: Fault): void {
  const { world } = cluster;
  const later = (delayMs: number, run: () => void): void => {
    world.scheduler.schedule(delayMs, `end of ${fault.kind}`, run);
  };
  switch (fault.kind) {
    case "kill-worker":
      cluster.workerProcess(fault.worker)?.kill();
      return later(fault.downMs, () => cluster.startWorker(fault.worker));
    case "kill-slot":
      return cluster.killSlot(fault.worker);
    case "kill-coordinator":
      cluster.coordinatorProcess()?.kill();
      return later(fault.downMs, () => cluster.startCoordinator(0));
    case "pause-worker": {
      const process = cluster.workerProcess(fault.worker);
      process?.pause();
      return later(fault.lastMs, () => process?.resume());
    }
    case "pause-coordinator": {
      const process = cluster.coordinatorProcess();
      process?.pause();
      return later(fault.lastMs, () => process?.resume());
    }
    case "usurp":
      return cluster.usurp();
    case "partition": {
      const pair = cluster.pairOf(fault.left, fault.right);
      if (pair === undefined) return;
      const key = pairKey(...pair);
      world.fabric.conditions.partitions.add(key);
      return later(fault.lastMs, () => void world.fabric.conditions.partitions.delete(key));
    }
    case "store-faults":
    case "store-down": {
      const conditions =
        fault.store === "metadata" ? world.metadataConditions : world.objectConditions;
      const isDown = fault.kind === "store-down";
      conditions.isDown ||= isDown;
      if (!isDown) {
        conditions.lostRequests = fault.lostRequests;
        conditions.lostResponses = fault.lostResponses;
      }
      return later(fault.lastMs, () => {
        if (isDown) conditions.isDown = false;
        else Object.assign(conditions, { lostRequests: 0, lostResponses: 0 });
      });
    }
    case "slow-links": {
      const { conditions } = world.fabric;
      const { maxLatencyMs } = conditions;
      conditions.maxLatencyMs = fault.maxLatencyMs;
      return later(fault.lastMs, () => void (conditions.maxLatencyMs = maxLatencyMs));
    }
  }
}
