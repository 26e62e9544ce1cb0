import { parseJobId, randomId, toFailureData } from "@millrace/core";
import type { MetadataEntry } from "@millrace/metadata";

import type { CoordinatorContext } from "../context.ts";
import { parseJob, type JobMemory } from "../job/job-memory.ts";
import type { FencedMetadata } from "../metadata/fenced-metadata.ts";
import { encodeRecord, parseClusterId } from "../metadata/job-records.ts";
import type { MetadataKeys } from "../metadata/keys.ts";

/** Returns the cluster's id; the first leader of a metadata store makes it. */
export async function readClusterId(
  metadata: FencedMetadata,
  keys: MetadataKeys,
  random: CoordinatorContext["random"],
): Promise<string> {
  const known = await metadata.get(keys.cluster);
  if (known !== undefined) return parseClusterId(known.key, known.value);
  const clusterId = randomId(random);
  const value = encodeRecord({ clusterId });
  const result = await metadata.transact({
    compares: [{ key: keys.cluster, target: "createRevision", equals: 0n }],
    writes: [{ kind: "put", key: keys.cluster, value }],
    marker: { key: keys.cluster, value },
  });
  if (result.kind === "applied") return clusterId;
  return readClusterId(metadata, keys, random);
}

/** Returns all jobs of the metadata, in the order of submission; one that cannot be read stays out. */
export async function readJobs(context: CoordinatorContext): Promise<readonly JobMemory[]> {
  const { keys, metadata, logger } = context;
  const { entries } = await metadata.list(keys.jobs);
  const byJob = new Map<string, MetadataEntry[]>();
  for (const entry of entries) {
    const [name = ""] = entry.key.slice(keys.jobs.length).split("/");
    const own = byJob.get(name) ?? [];
    own.push(entry);
    byJob.set(name, own);
  }
  const jobs: JobMemory[] = [];
  for (const [name, own] of byJob) {
    try {
      const job = parseJob(keys.job(parseJobId(name)), own);
      if (job !== undefined) jobs.push(job);
    } catch (caught) {
      const { code, message } = toFailureData(caught);
      logger.log("error", "a job cannot be taken up", { jobId: name, code, cause: message });
    }
  }
  return jobs.toSorted((a, b) => a.record.submittedAtMs - b.record.submittedAtMs);
}
