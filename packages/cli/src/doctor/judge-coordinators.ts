import type { CoordinatorReply } from "../client/find-leader.ts";
import { adviceOf } from "../format-error.ts";
import { failed, failedWith, ok, warning, type Finding } from "./finding.ts";

export interface CoordinatorFacts {
  readonly replies: readonly CoordinatorReply[];
  /** Of this command. */
  readonly version: string;
  /** Of the metadata store, if it was looked at. */
  readonly clusterId?: string;
}

/** Returns a finding for each coordinator, and some for the cluster as a whole. */
export function judgeCoordinators(facts: CoordinatorFacts): readonly Finding[] {
  const { replies } = facts;
  return [...replies.map(judgeReply), judgeLeader(replies), ...judgeCluster(facts)];
}

function judgeReply(reply: CoordinatorReply): Finding {
  const check = `coordinator: ${reply.address}`;
  switch (reply.kind) {
    case "leads":
      return ok(check, "leads");
    case "waits":
      return ok(check, reply.text);
    case "refuses":
      return failedWith(check, reply.error);
    case "silent":
      return failed(check, {
        code: "coordinator-unreachable",
        message: reply.text,
        remedy: adviceOf("coordinator-unreachable"),
      });
  }
}

function judgeLeader(replies: readonly CoordinatorReply[]): Finding {
  const leaders = replies.filter(({ kind }) => kind === "leads").map(({ address }) => address);
  const [leader] = leaders;
  if (leaders.length === 1) return ok("leader", `${leader} leads`);
  if (leaders.length > 1) {
    return warning("leader", {
      code: "two-leaders",
      message: `${leaders.join(" and ")} say that they lead`,
      remedy:
        "Ask again in a few seconds: one of them was paused, and its writes are refused. If it stays, they are two clusters.",
    });
  }
  return failed("leader", {
    code: "no-leader",
    message: "none of the coordinators leads",
    remedy:
      "Look at the coordinators' logs: they wait for etcd or for the object store, or none runs.",
  });
}

function judgeCluster({ replies, version, clusterId }: CoordinatorFacts): readonly Finding[] {
  return replies.flatMap((reply) => {
    if (reply.kind !== "leads") return [];
    const { cluster } = reply;
    return [
      judgeVersions(version, cluster.version, cluster.workers),
      judgeWorkers(cluster.workers),
      ...(clusterId === undefined ? [] : [judgeIdentity(clusterId, cluster.clusterId)]),
    ];
  });
}

function judgeVersions(
  own: string,
  leader: string,
  workers: readonly { readonly workerId: string; readonly version: string }[],
): Finding {
  const others = workers.filter((worker) => worker.version !== leader);
  if (own === leader && others.length === 0) return ok("versions", `all are ${own}`);
  const parts = [
    ...(own === leader ? [] : [`this command is ${own} and the leader is ${leader}`]),
    ...others.map((worker) => `worker ${worker.workerId} is ${worker.version}`),
  ];
  const message = parts.join("; ");
  return warning("versions", { code: "version-skew", message, remedy: adviceOf("version-skew") });
}

function judgeWorkers(
  workers: readonly { readonly slotCount: number; readonly freeSlotCount: number }[],
): Finding {
  const slots = workers.reduce((sum, { slotCount }) => sum + slotCount, 0);
  const free = workers.reduce((sum, { freeSlotCount }) => sum + freeSlotCount, 0);
  const message = `${workers.length} workers with ${slots} slots, ${free} of them free`;
  if (slots > 0) return ok("workers", message);
  const remedy =
    "Start some with `millrace worker`; if they run, their logs say why they are away.";
  return warning("workers", { code: "no-slots", message: "the leader has no workers", remedy });
}

function judgeIdentity(ofMetadata: string, ofLeader: string): Finding {
  const check = "cluster";
  if (ofMetadata === ofLeader) return ok(check, `the leader is of cluster ${ofLeader}`);
  return failed(check, {
    code: "cluster-mismatch",
    message: `the leader is of cluster ${ofLeader}, and the metadata store holds cluster ${ofMetadata}`,
    remedy: "Name the coordinators and the stores of one cluster.",
  });
}
