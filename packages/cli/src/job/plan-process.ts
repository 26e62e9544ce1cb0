/*
 * The throw-away process that loads a job module to build its plan. It gets one request, answers
 * once, and is killed: nothing of the author's code stays behind.
 */
import { StreamError, toFailureData } from "@millrace/core";
import { canonicalPlanJson, planJob } from "@millrace/graph";
import { loadGuardedJob } from "@millrace/worker";

import type { PlanAnswer, PlanRequest } from "./plan-protocol.ts";

process.setSourceMapsEnabled(true);
process.once("message", (request: PlanRequest) => {
  void answer(request);
});

async function answer(request: PlanRequest): Promise<void> {
  const result = await plan(request).catch((error: unknown): PlanAnswer => ({
    kind: "failed",
    failure: toFailureData(toPlanError(error)),
  }));
  process.send?.(result);
}

async function plan(request: PlanRequest): Promise<PlanAnswer> {
  const { bundleUrl, environment, params, baseDirectory } = request;
  const definition = await loadGuardedJob(bundleUrl, environment);
  const graph = definition.build({ params, baseDirectory });
  return { kind: "planned", planJson: canonicalPlanJson(planJob(graph)) };
}

// Adds the first line of the stack that is the author's: source maps make it a line of the module.
function toPlanError(error: unknown): StreamError {
  const known = error instanceof StreamError ? error : undefined;
  const thrown = known === undefined ? error : known.cause;
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const message = known?.message ?? `the job's module failed to build: ${what}`;
  return new StreamError(known?.code ?? "job-module-failed", `${message}${whereOf(thrown)}`, {
    domain: "user",
    retry: "never",
    cause: error,
  });
}

function whereOf(thrown: unknown): string {
  if (!(thrown instanceof Error) || thrown instanceof StreamError) return "";
  const lines = (thrown.stack ?? "").split("\n");
  const line = lines.find((text) => /^\s+at /.test(text) && !text.includes("node:"));
  return line === undefined ? "" : ` (${line.trim()})`;
}
