import { StreamError, type JsonValue } from "@millrace/core";
import { apiVersion, invalidJob, type JobDefinition } from "@millrace/graph";

import { GraphBuilder } from "./graph-builder.ts";
import { createJob, type Job } from "./job.ts";

/** What the submission passes to the job's function, by name. */
export type JobParams = Readonly<Record<string, JsonValue>>;

/**
 * Returns the definition that a job module exports by default. The function runs when the job is
 * planned and again in every slot; it must write the same graph each time and must not be async.
 */
export function defineJob(
  name: string,
  write: (job: Job, params: JobParams) => void,
): JobDefinition {
  return {
    millraceJob: apiVersion,
    name,
    build({ params, baseDirectory }) {
      const builder = new GraphBuilder(name, { baseDirectory });
      const result = runAuthor(name, () => write(createJob(builder), checkParams(name, params)));
      if (isThenable(result)) {
        throw invalidJob(
          `job ${name}: its function is async: await in front of defineJob, or inside a connector`,
        );
      }
      return builder.finish();
    },
  };
}

function runAuthor(name: string, write: () => unknown): unknown {
  try {
    return write();
  } catch (cause) {
    if (cause instanceof StreamError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StreamError(
      "job-module-failed",
      `job ${name}: its function threw while it was built: ${reason}`,
      { domain: "user", retry: "never", cause },
    );
  }
}

function checkParams(name: string, params: JsonValue): JobParams {
  if (params === null) return {};
  if (typeof params === "object" && !isList(params)) return params;
  throw new StreamError(
    "invalid-argument",
    `job ${name}: its parameters are not an object: give them as --param name=value`,
    { domain: "user", retry: "never" },
  );
}

// Array.isArray does not narrow a readonly array out of a union.
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value;
}
