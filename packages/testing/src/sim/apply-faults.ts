import { damageObject } from "./damage-object.ts";
import { createFaultCounts, type Fault, type FaultCounts } from "./fault.ts";
import { createLinkConditions, machineOf, pairKey } from "./link-faults.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimProcess } from "./sim-process.ts";
import { createObjectConditions } from "./store-conditions.ts";

/** Schedules the faults, each with its own end. Returns what really happened, counted live. */
export function applyFaults(cluster: SimCluster, faults: readonly Fault[]): FaultCounts {
  const counts = createFaultCounts();
  const { scheduler } = cluster.world;
  for (const fault of faults) {
    const application: Application = {
      cluster,
      happened: () => {
        counts[fault.kind] += 1;
      },
      later: (delayMs, run) => {
        scheduler.schedule(delayMs, `end of ${fault.kind}`, run);
      },
    };
    scheduler.schedule(fault.atMs, `fault ${fault.kind}`, () => applyFault(application, fault));
  }
  return counts;
}

interface Application {
  readonly cluster: SimCluster;
  /** Something was really hit. */
  readonly happened: () => void;
  /** Runs the callback in the world outside, after the delay. */
  readonly later: (delayMs: number, run: () => void) => void;
}

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;

function applyFault(application: Application, fault: Fault): void {
  switch (fault.kind) {
    case "kill-worker":
    case "kill-coordinator":
    case "kill-standby":
    case "kill-slot":
    case "usurp":
      return kill(application, fault);
    case "kill-at-call":
      return killAtCall(application, fault);
    case "pause-worker":
    case "pause-coordinator":
      return pause(application, fault);
    case "partition":
    case "slow-links":
    case "far-worker":
    case "repeat-messages":
      return troubleLinks(application, fault);
    case "store-faults":
    case "store-down":
    case "slow-store":
    case "store-cut":
      return troubleStore(application, fault);
    case "revoke-lease":
    case "stuck-leases":
    case "compact":
    case "cancel-watches":
    case "silent-watches":
    case "no-space":
      return troubleMetadata(application, fault);
    case "slow-puts":
    case "failing-puts":
    case "ambiguous-puts":
    case "wrong-reads":
    case "damage-object":
      return troubleObjects(application, fault);
  }
}

function kill(
  { cluster, happened, later }: Application,
  fault: FaultOf<"kill-worker" | "kill-slot" | "kill-coordinator" | "kill-standby" | "usurp">,
): void {
  const { coordinators } = cluster;
  switch (fault.kind) {
    case "kill-worker":
      if (cluster.workerProcess(fault.worker) !== undefined) happened();
      cluster.workerProcess(fault.worker)?.kill();
      return later(fault.downMs, () => cluster.startWorker(fault.worker));
    case "kill-slot":
      happened();
      return cluster.killSlot(fault.worker);
    case "usurp":
      happened();
      return coordinators.usurp();
    case "kill-coordinator":
    case "kill-standby": {
      const isLeader = fault.kind === "kill-coordinator";
      const process = isLeader ? coordinators.leading() : coordinators.standby();
      if (process === undefined) return;
      happened();
      process.kill();
      return later(fault.downMs, () => coordinators.restart(process));
    }
  }
}

function killAtCall(
  { cluster, happened, later }: Application,
  { worker, call, isDone, downMs }: FaultOf<"kill-at-call">,
): void {
  const process = cluster.processOf(worker);
  if (process === undefined) return;
  const restart = (): void => {
    if (worker < 0) cluster.coordinators.restart(process);
    else cluster.startWorker(worker);
  };
  const onDeath = (): void => {
    happened();
    later(downMs, restart);
  };
  cluster.world.callPlans.plan(process, { call, isDone, onDeath });
}

function pause(
  { cluster, happened, later }: Application,
  fault: FaultOf<"pause-worker" | "pause-coordinator">,
): void {
  const process =
    fault.kind === "pause-worker"
      ? cluster.workerProcess(fault.worker)
      : cluster.coordinators.leading();
  if (process === undefined) return;
  happened();
  process.pause();
  later(fault.lastMs, () => process.resume());
}

function troubleLinks(
  { cluster, happened, later }: Application,
  fault: FaultOf<"partition" | "slow-links" | "far-worker" | "repeat-messages">,
): void {
  const { conditions } = cluster.world.fabric;
  switch (fault.kind) {
    case "partition": {
      const pair = cluster.pairOf(fault.left, fault.right);
      if (pair === undefined) return;
      happened();
      const key = pairKey(...pair);
      conditions.partitions.add(key);
      return later(fault.lastMs, () => void conditions.partitions.delete(key));
    }
    case "slow-links": {
      happened();
      const { maxLatencyMs } = createLinkConditions();
      conditions.maxLatencyMs = fault.maxLatencyMs;
      return later(fault.lastMs, () => void (conditions.maxLatencyMs = maxLatencyMs));
    }
    case "far-worker": {
      const process = cluster.workerProcess(fault.worker);
      if (process === undefined) return;
      happened();
      conditions.farMs.set(machineOf(process.name), fault.latencyMs);
      return;
    }
    case "repeat-messages":
      happened();
      conditions.repeats = fault.chance;
      return later(fault.lastMs, () => void (conditions.repeats = 0));
  }
}

function troubleStore(
  { cluster, happened, later }: Application,
  fault: FaultOf<"store-faults" | "store-down" | "slow-store" | "store-cut">,
): void {
  const { world } = cluster;
  const conditions = fault.store === "metadata" ? world.metadataConditions : world.objectConditions;
  switch (fault.kind) {
    case "store-down":
      happened();
      conditions.isDown = true;
      return later(fault.lastMs, () => void (conditions.isDown = false));
    case "store-faults": {
      happened();
      const { lostRequests, lostResponses } = fault;
      Object.assign(conditions, { lostRequests, lostResponses });
      return later(fault.lastMs, () => {
        Object.assign(conditions, { lostRequests: 0, lostResponses: 0 });
      });
    }
    case "slow-store": {
      happened();
      const { maxLatencyMs } = createObjectConditions();
      conditions.maxLatencyMs = fault.maxLatencyMs;
      return later(fault.lastMs, () => void (conditions.maxLatencyMs = maxLatencyMs));
    }
    case "store-cut": {
      const process: SimProcess | undefined = cluster.processOf(fault.worker);
      if (process === undefined) return;
      happened();
      conditions.cutOff.add(process);
      return later(fault.lastMs, () => void conditions.cutOff.delete(process));
    }
  }
}

function troubleMetadata(
  { cluster, happened, later }: Application,
  fault: FaultOf<
    "revoke-lease" | "stuck-leases" | "compact" | "cancel-watches" | "silent-watches" | "no-space"
  >,
): void {
  const { leases, watches, metadata, metadataConditions: conditions } = cluster.world;
  switch (fault.kind) {
    case "revoke-lease":
      void leases.endAll().then((count) => (count > 0 ? happened() : undefined));
      return;
    case "stuck-leases":
      happened();
      return leases.stick(fault.lastMs);
    case "compact":
      happened();
      void metadata.list("none/").then(({ revision }) => watches.compact(revision));
      return;
    case "cancel-watches":
      if (watches.loseAll("the server cancelled it") > 0) happened();
      return;
    case "silent-watches":
      happened();
      conditions.isSilent = true;
      return later(fault.lastMs, () => {
        conditions.isSilent = false;
        if (fault.isLostAfter) watches.loseSilent("its connection was half open");
      });
    case "no-space":
      happened();
      conditions.isFull = true;
      return later(fault.lastMs, () => void (conditions.isFull = false));
  }
}

function troubleObjects(
  { cluster, happened, later }: Application,
  fault: FaultOf<"slow-puts" | "failing-puts" | "ambiguous-puts" | "wrong-reads" | "damage-object">,
): void {
  const { objectConditions: conditions } = cluster.world;
  switch (fault.kind) {
    case "slow-puts":
      happened();
      conditions.maxPutDelayMs = fault.maxDelayMs;
      return later(fault.lastMs, () => void (conditions.maxPutDelayMs = 0));
    case "failing-puts":
      happened();
      conditions.failedPuts = fault.chance;
      return later(fault.lastMs, () => void (conditions.failedPuts = 0));
    case "ambiguous-puts":
      happened();
      conditions.ambiguousPuts = fault.chance;
      return later(fault.lastMs, () => void (conditions.ambiguousPuts = 0));
    case "wrong-reads":
      happened();
      conditions.wrongReads = fault.chance;
      return later(fault.lastMs, () => void (conditions.wrongReads = 0));
    case "damage-object":
      void damageObject(cluster, fault).then((isDamaged) => (isDamaged ? happened() : undefined));
  }
}
