import { bundleName } from "@millrace/checkpoint";
import {
  parseJobId,
  retry,
  StreamError,
  type JobId,
  type RetryPolicy,
  type StreamErrorCode,
} from "@millrace/core";
import {
  canonicalPlanJson,
  expandExecutionGraph,
  parseJobGraph,
  type JobGraph,
} from "@millrace/graph";
import type { SubmitJobRequest } from "@millrace/rpc";

import type { CoordinatorContext } from "../context.ts";
import type { JobMemory } from "../job/job-memory.ts";
import { encodeRecord, parseJobRecord, type JobRecord } from "../metadata/job-records.ts";
import { chooseRestore } from "./choose-restore.ts";

const putPolicy: RetryPolicy = { maxTries: 8, initialDelayMs: 100, maxDelayMs: 2_000 };

/**
 * Returns the submitted job, stored: first the bundle object, then the record in one fenced
 * transaction, so that there is no half job (F3). The same request again gives the same job, and
 * then `isNew` is false. Throws `bundle-too-large`, `bundle-invalid`, `invalid-argument`, what
 * `chooseRestore` throws, or `already-exists` if another request has this job id.
 */
export async function submitJob(
  context: CoordinatorContext,
  request: SubmitJobRequest,
): Promise<{ readonly job: JobMemory; readonly isNew: boolean }> {
  checkBundle(context, request);
  const plan = parseJobGraph(request.planJson);
  checkParallelism(plan, request.parallelism);
  const record = await makeRecord(context, request, plan);
  const { objects, retryPorts, signal } = context;
  const name = bundleName(record.bundleSha256);
  const store = async (): Promise<void> => {
    const isStored = await holdsBundle(context, name, request);
    if (!isStored) await objects.put(name, [request.bundle], signal);
  };
  await retry(store, putPolicy, retryPorts, signal);
  return storeRecord(context, record, plan);
}

/** Whether the bundle is there, whole: one that somebody exchanged is written anew (SEC5). */
async function holdsBundle(
  { objects, digest, signal }: CoordinatorContext,
  name: string,
  { bundle, bundleSha256 }: SubmitJobRequest,
): Promise<boolean> {
  if ((await objects.stat(name)) !== bundle.length) return false;
  try {
    return digest.sha256(await objects.get(name, undefined, signal)) === bundleSha256;
  } catch (caught) {
    if (StreamError.is(caught, "not-found", "object-corrupt")) return false;
    throw caught;
  }
}

/** Returns the id that a request's job has: its name and six digits of the request's hash. */
function jobIdOf(
  context: Pick<CoordinatorContext, "digest">,
  jobName: string,
  requestId: string,
): JobId {
  const label = jobName
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 56);
  const hash = context.digest.sha256(new TextEncoder().encode(requestId)).slice(0, 6);
  return parseJobId(`${label === "" ? "job" : label}-${hash}`);
}

async function storeRecord(
  context: CoordinatorContext,
  record: JobRecord,
  plan: JobGraph,
): Promise<{ readonly job: JobMemory; readonly isNew: boolean }> {
  const keys = context.keys.job(record.jobId);
  const value = encodeRecord(record);
  const result = await context.metadata.transact({
    compares: [{ key: keys.record, target: "createRevision", equals: 0n }],
    writes: [{ kind: "put", key: keys.record, value }],
    marker: { key: keys.record, value },
  });
  const snapshot = {
    checkpoints: [],
    goal: "run",
    goalRevision: 0n,
    pinKeys: [],
    pins: [],
  } as const;
  if (result.kind === "applied") return { job: { record, plan, keys, snapshot }, isNew: true };
  await context.leadership.check();
  const entry = await context.metadata.get(keys.record);
  const stored = entry === undefined ? undefined : parseJobRecord(entry.key, entry.value);
  if (stored?.requestId !== record.requestId) {
    const { jobId } = record;
    throw refuse("already-exists", `another submission is job ${jobId}; submit once more`);
  }
  return { job: { record: stored, plan, keys, snapshot }, isNew: false };
}

async function makeRecord(
  context: CoordinatorContext,
  request: SubmitJobRequest,
  plan: JobGraph,
): Promise<JobRecord> {
  const { requestId, bundleSha256, params, environment, parallelism, restoreFrom } = request;
  const planJson = canonicalPlanJson(plan);
  return {
    jobId: jobIdOf(context, plan.jobName, requestId),
    requestId,
    jobName: plan.jobName,
    planJson,
    planSha256: context.digest.sha256(new TextEncoder().encode(planJson)),
    bundleSha256,
    params,
    environment,
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(restoreFrom === undefined
      ? {}
      : { restoreFrom: await chooseRestore(context, restoreFrom, plan) }),
    submittedAtMs: context.clock.wallMs(),
  };
}

function checkBundle(context: CoordinatorContext, request: SubmitJobRequest): void {
  const { requestId, bundle, bundleSha256 } = request;
  const { maxBundleBytes } = context.config;
  if (requestId.length < 1 || requestId.length > 200) {
    throw refuse("invalid-argument", "a submission needs a request id of 1 to 200 characters");
  }
  if (bundle.length > maxBundleBytes) {
    throw refuse(
      "bundle-too-large",
      `the bundle has ${bundle.length} bytes, the limit is ${maxBundleBytes}: keep data out of the ` +
        "module, or raise the coordinator's limit",
    );
  }
  const actual = context.digest.sha256(bundle);
  if (actual !== bundleSha256) {
    throw refuse(
      "bundle-invalid",
      `the bundle's SHA-256 is ${actual}, the submission says ${bundleSha256}: submit it again`,
    );
  }
}

function checkParallelism(plan: JobGraph, parallelism: number | undefined): void {
  const planned = plan.settings.parallelism === "default" ? 1 : plan.settings.parallelism;
  expandExecutionGraph(plan, { defaultParallelism: parallelism ?? planned });
}

function refuse(code: StreamErrorCode, message: string): StreamError {
  return new StreamError(code, message, { domain: "user", retry: "never" });
}
