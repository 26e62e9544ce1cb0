import { textField } from "../../chaos/cluster/log-entry.ts";
import type { BenchCluster } from "../process/bench-cluster.ts";

/** When a job was submitted, and when it ran: epoch time, by the coordinator's log. */
export interface JobTimes {
  readonly submittedAtMs: number;
  readonly runningAtMs: number;
}

/** Returns the times of a job that runs or ran; throws where it never did. */
export function readJobTimes(cluster: BenchCluster, jobId: string): JobTimes {
  const at = (message: string): number => {
    const entries = cluster.entries(message).filter(({ fields }) => "jobId" in fields);
    const entry = entries.find((one) => textField(one, "jobId") === jobId);
    if (entry === undefined) throw new Error(`the log has no "${message}" of job ${jobId}`);
    return entry.atMs;
  };
  return { submittedAtMs: at("job submitted"), runningAtMs: at("job running") };
}
