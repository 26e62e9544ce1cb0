import { setTimeout as wait } from "node:timers/promises";

import type { ChaosCluster, LinkGroup } from "../cluster/chaos-cluster.ts";
import type { SupervisedProcess } from "../cluster/supervised-process.ts";
import type { ClusterWatch } from "../watch/cluster-watch.ts";
import type { FaultAction, ScheduledFault } from "./schedule.ts";

export interface FaultScene {
  readonly cluster: ChaosCluster;
  readonly watch: ClusterWatch;
  /** Aborts the run. */
  readonly signal: AbortSignal;
}

/** A fault that has happened and is over. */
export interface InjectedFault {
  readonly action: FaultAction;
  /** What was hit, for people. */
  readonly target: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly attemptBefore: number;
  readonly leaderBefore: string;
}

type ActionOf<Kind extends FaultAction["kind"]> = Extract<FaultAction, { kind: Kind }>;

/**
 * Does the fault, and returns when it is over: the paused goes on, the link is open, the store is back.
 * A killed process is started again by its supervisor.
 */
export async function injectFault(
  { action }: ScheduledFault,
  scene: FaultScene,
): Promise<InjectedFault> {
  const attemptBefore = scene.watch.attempt()?.attempt ?? 0;
  const leaderBefore = scene.watch.leader()?.process ?? "";
  const startedAtMs = Date.now();
  const target = await act(action, scene);
  return { action, target, startedAtMs, endedAtMs: Date.now(), attemptBefore, leaderBefore };
}

function act(action: FaultAction, scene: FaultScene): Promise<string> {
  switch (action.kind) {
    case "kill-worker":
      return killProcess(chooseJobWorker(scene, action.victim));
    case "kill-leader":
      return killProcess(findLeader(scene));
    case "kill-all":
      return killAll(scene);
    case "pause-worker":
      return pauseProcess(chooseJobWorker(scene, action.victim), action.durationMs, scene);
    case "pause-leader":
      return pauseProcess(findLeader(scene), action.durationMs, scene);
    case "pause-standby":
      return pauseProcess(findStandby(scene), action.durationMs, scene);
    case "s3-outage":
      return breakS3(action, scene);
    case "etcd-outage":
      return breakEtcd(action, scene);
    case "link-fault":
      return breakLink(action, scene);
  }
}

async function killProcess(process: SupervisedProcess): Promise<string> {
  await process.kill();
  return process.name;
}

async function killAll({ cluster }: FaultScene): Promise<string> {
  const all = [...cluster.coordinators, ...cluster.workers];
  await Promise.all(all.map((process) => process.kill()));
  return `${all.length} processes`;
}

async function pauseProcess(
  process: SupervisedProcess,
  durationMs: number,
  { signal }: FaultScene,
): Promise<string> {
  process.pause();
  try {
    await wait(durationMs, undefined, { signal });
  } finally {
    process.resume();
  }
  return process.name;
}

async function breakS3(
  { mode, durationMs }: ActionOf<"s3-outage">,
  { cluster, signal }: FaultScene,
): Promise<string> {
  const { s3 } = cluster.stores;
  if (s3 === undefined) throw new Error("this cluster has no S3 server to break");
  if (mode === "pause") s3.pause();
  else await s3.kill();
  try {
    await wait(durationMs, undefined, { signal });
  } finally {
    if (mode === "pause") s3.resume();
    else if (!signal.aborted) await s3.restart();
  }
  return s3.kind;
}

async function breakEtcd(
  { mode, durationMs, members, victim }: ActionOf<"etcd-outage">,
  { cluster, signal }: FaultScene,
): Promise<string> {
  const { etcd } = cluster.stores;
  if (etcd === undefined) throw new Error("this cluster has no etcd to break");
  const count = etcd.endpoints.length;
  const first = Math.floor(victim * count);
  const hit = Array.from({ length: members }, (_, index) => (first + index) % count);
  if (mode === "pause") for (const member of hit) etcd.pause(member);
  else await Promise.all(hit.map((member) => etcd.kill(member)));
  try {
    await wait(durationMs, undefined, { signal });
  } finally {
    if (mode === "pause") for (const member of hit) etcd.resume(member);
    else if (!signal.aborted) await Promise.all(hit.map((member) => etcd.restart(member)));
  }
  return `member${members === 1 ? "" : "s"} ${hit.join(" and ")}`;
}

async function breakLink(
  { between, link, durationMs, victim }: ActionOf<"link-fault">,
  scene: FaultScene,
): Promise<string> {
  const group = chooseLink(scene, between, victim);
  for (const proxy of group.proxies) proxy.setLink(link);
  try {
    await wait(durationMs, undefined, { signal: scene.signal });
  } finally {
    for (const proxy of group.proxies) proxy.setLink({ kind: "open" });
  }
  return `${group.process} (${between})`;
}

/** Of a worker only one that runs the job, of a coordinator only the leader: others feel nothing. */
function chooseLink(
  { cluster, watch }: FaultScene,
  between: ActionOf<"link-fault">["between"],
  victim: number,
): LinkGroup {
  const busy = new Set([...(watch.attempt()?.workers ?? []), watch.leader()?.process]);
  return choose(
    cluster.links(between).filter(({ process }) => busy.has(process)),
    victim,
    `link ${between}`,
  );
}

function chooseJobWorker({ cluster, watch }: FaultScene, victim: number): SupervisedProcess {
  const busy = new Set(watch.attempt()?.workers);
  const workers = cluster.workers.filter(({ name }) => busy.has(name));
  return choose(workers, victim, "worker of the job");
}

function findLeader({ cluster, watch }: FaultScene): SupervisedProcess {
  const name = watch.leader()?.process;
  return choose(
    cluster.coordinators.filter((coordinator) => coordinator.name === name),
    0,
    "leader",
  );
}

/** Where there is only one coordinator, it is this one. */
function findStandby(scene: FaultScene): SupervisedProcess {
  const name = scene.watch.leader()?.process;
  const others = scene.cluster.coordinators.filter((coordinator) => coordinator.name !== name);
  return others[0] ?? findLeader(scene);
}

function choose<T>(candidates: readonly T[], fraction: number, what: string): T {
  const chosen = candidates[Math.floor(fraction * candidates.length)];
  if (chosen === undefined) throw new Error(`there is no ${what} to hit`);
  return chosen;
}
