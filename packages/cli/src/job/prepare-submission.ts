import { randomUUID } from "node:crypto";

import type { JsonValue } from "@millrace/core";
import { createNodeDigest } from "@millrace/platform";
import type { RestoreFrom, SubmitJobRequest } from "@millrace/rpc";

import { bundleJob } from "./bundle-job.ts";
import { parseParams, pickEnvironment } from "./parse-params.ts";
import { planBundle } from "./plan-bundle.ts";

/** What the command line says of a submission. */
export interface SubmissionOptions {
  readonly params: readonly string[];
  readonly environment: readonly string[];
  readonly parallelism?: number;
  readonly restoreFrom?: RestoreFrom;
  readonly loadTimeoutMs: number;
}

/** Returns what to submit: bundle and plan of the module. Throws what `bundleJob` and `planBundle` do. */
export async function prepareSubmission(
  path: string,
  options: SubmissionOptions,
): Promise<SubmitJobRequest> {
  const params: JsonValue = parseParams(options.params);
  const environment = pickEnvironment(options.environment);
  const bundle = await bundleJob(path, createNodeDigest());
  const planJson = await planBundle(bundle, {
    params,
    environment,
    baseDirectory: process.cwd(),
    timeoutMs: options.loadTimeoutMs,
  });
  return {
    requestId: randomUUID(),
    planJson,
    bundle: bundle.bytes,
    bundleSha256: bundle.sha256,
    params,
    environment,
    ...(options.parallelism === undefined ? {} : { parallelism: options.parallelism }),
    ...(options.restoreFrom === undefined ? {} : { restoreFrom: options.restoreFrom }),
  };
}
