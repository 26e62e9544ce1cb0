import { StreamError } from "@millrace/core";
import { apiVersion, type BuildInput, type JobDefinition, type StreamGraph } from "@millrace/graph";

/**
 * Loads bundles by `import`, only in a thread of their own: while author's code loads and builds,
 * `Date.now` and `Math.random` throw and `process.env` is the allow-list, so that a graph which would
 * differ per machine is an error, not a mystery.
 *
 * I1 The globals are as before when a call returns or throws.
 */
export async function loadGuardedJob(
  bundleUrl: string,
  environment: Readonly<Record<string, string>>,
): Promise<JobDefinition> {
  const module = await importGuarded(bundleUrl, environment);
  const definition = findDefinition(module);
  return {
    millraceJob: apiVersion,
    name: definition.name,
    build: (input: BuildInput): StreamGraph => {
      using _guard = guardGlobals(environment);
      return definition.build(input);
    },
  };
}

async function importGuarded(
  bundleUrl: string,
  environment: Readonly<Record<string, string>>,
): Promise<unknown> {
  using _guard = guardGlobals(environment);
  try {
    return await import(bundleUrl);
  } catch (cause) {
    if (cause instanceof StreamError) throw cause;
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new StreamError("job-module-failed", `the job's module failed to load: ${reason}`, {
      domain: "user",
      retry: "never",
      cause,
    });
  }
}

/** Replaces the globals until disposed. */
function guardGlobals(environment: Readonly<Record<string, string>>): Disposable {
  const { now } = Date;
  const { random } = Math;
  const previousEnvironment = process.env;
  Date.now = () => refuse("Date.now()");
  Math.random = () => refuse("Math.random()");
  process.env = { ...environment };
  return {
    [Symbol.dispose]: () => {
      Date.now = now;
      Math.random = random;
      process.env = previousEnvironment;
    },
  };
}

function refuse(what: string): never {
  throw new StreamError(
    "job-module-invalid",
    `${what} was called while the job's module loads or builds, so that the job would differ from ` +
      "worker to worker; call it inside the functions of operators, or pass a parameter",
    { domain: "user", retry: "never" },
  );
}

function findDefinition(module: unknown): JobDefinition {
  const job =
    typeof module === "object" && module !== null && "default" in module
      ? module.default
      : undefined;
  if (isDefinition(job)) return job;
  throw new StreamError(
    "job-module-invalid",
    `the job's module has no job of API version ${apiVersion} as its default export; write ` +
      "`export default defineJob(name, (job) => ...)`",
    { domain: "user", retry: "never" },
  );
}

function isDefinition(job: unknown): job is JobDefinition {
  return (
    typeof job === "object" &&
    job !== null &&
    "millraceJob" in job &&
    job.millraceJob === apiVersion &&
    "build" in job &&
    typeof job.build === "function"
  );
}
