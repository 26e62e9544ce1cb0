import type { FailureData, FailureLocation, StreamErrorCode } from "@millrace/core";

/**
 * Returns a failure as people read it: `error[code]: what failed (ids)`, and below it what to do. A
 * message may bring its own advice behind its last `: ` or `; `; the code's advice is always right too.
 */
export function formatFailure(failure: FailureData): string {
  const where = failure.location === undefined ? "" : formatLocation(failure.location);
  const lines = failure.message.split("\n");
  const [first = ""] = lines;
  const rest = lines.slice(1).map((line) => `  ${line}`);
  return [
    `error[${failure.code}]: ${first}${where}`,
    ...rest,
    ...authorFrames(failure).map((line) => `    ${line}`),
    `  ${adviceOf(failure.code)}`,
  ].join("\n");
}

/** Returns what to do about a failure of the code. */
export function adviceOf(code: StreamErrorCode): string {
  return advice[code];
}

const maxFrames = 5;

const ownFrame = /\/(?:operators|state|worker)\/(?:dist|src)\//;

// The frames above the compiled chain, without those of operators between: the author's code.
function authorFrames({ domain, stack = "" }: FailureData): readonly string[] {
  if (domain !== "user") return [];
  const frames = stack
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("at "));
  const chain = frames.findIndex((line) => line.includes("compileChain"));
  const above = chain === -1 ? [] : frames.slice(0, chain);
  return above.filter((line) => !ownFrame.test(line)).slice(0, maxFrames);
}

function formatLocation(location: FailureLocation): string {
  const parts = Object.entries(location).map(([name, value]) => `${name} ${value}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

const advice = {
  "access-denied":
    "Check the credentials, their rights on what is named, and this machine's clock.",
  "already-exists": "Choose another name, or use what is there.",
  "bucket-not-found": "Make the bucket, or correct its name, region or endpoint in --objects.",
  "bundle-invalid": "Run the command again; if it fails again, the file was changed on its way.",
  "bundle-too-large": "Import less: read data files at run time instead of importing them.",
  cancelled: "Nothing is left to do.",
  "channel-broken": "Another worker of the job ended; the job restarts by itself.",
  "checkpoint-failed": "Look at the workers' logs; the job goes on and tries again.",
  "checkpoint-timeout": "Look for a slow operator (millrace describe) or raise checkpoint.timeout.",
  "cluster-mismatch":
    "Give each cluster a prefix of its own (--objects), or put this cluster's own metadata back.",
  "config-invalid":
    "Correct it there; `millrace config --origin` shows each setting and where it comes from.",
  "coordinator-unreachable":
    "Start one with `millrace coordinator`, or name another with --coordinator host:port.",
  "deadline-exceeded": "Try again, or look at the coordinator's log.",
  "decode-failed": "Correct the input, or the options that say how to read it.",
  "folder-not-writable": "Choose another folder, or give this user the right to write there.",
  "input-not-found": "Correct the path; relative paths begin where the job is submitted.",
  "input-unreadable": "Check the file and its permissions on the machines of the workers.",
  "insecure-bind":
    "Bind to 127.0.0.1, or give certificates and tokens (millrace certs, millrace token create).",
  internal: "This is a bug in Millrace: please report it with the lines above.",
  "invalid-argument": "Correct the argument; --help shows what a command takes.",
  "job-failed": "Look at the job's log: millrace logs <job>.",
  "job-module-failed": "Correct the module; functions of operators run later, on the workers.",
  "job-module-invalid": "Correct the module; the example in the README shows a whole one.",
  "job-module-not-found": "Name the file that exports the job.",
  "job-module-syntax": "Correct the line.",
  "job-module-timeout": "Let the module only describe the job; work belongs into its functions.",
  "key-not-encodable":
    "Select a key of text, numbers, booleans, dates, or tuples and plain objects.",
  "manifest-corrupt": "Find out what changed the object store; to begin anew, run the job again.",
  "metadata-regressed":
    "Put back the metadata of that revision or later, or begin anew with an empty prefix (--objects).",
  "no-slots": "Start more workers (millrace worker --slots n), or lower --parallelism.",
  "not-found": "List what there is: millrace list.",
  "object-corrupt":
    "Find out what changed the object store; nothing was started from the damaged object.",
  "out-of-memory": "Give the worker more memory, or lower the state per slot by more parallelism.",
  "out-of-space":
    "Make room or raise the quota; checkpoints go on by themselves when there is room.",
  "output-limit": "Emit less per record, or emit from timers in parts.",
  "permission-denied": "Use a token of a higher role: millrace token create --role submit.",
  "plan-mismatch": "Let the module build the same graph everywhere: pass what differs as --param.",
  "port-in-use": "Choose another port, or end the process that has it.",
  "record-invalid":
    "Correct the input, widen the schema, or check(...) behind the source with `invalidTo`.",
  "record-not-encodable": "Emit plain data: map the record before it leaves the operator.",
  "record-too-large": "Split the record, or keep its large part outside and pass a reference.",
  "restart-limit": "Correct the cause named above, then run the job again.",
  "segment-corrupt": "Find out what changed the object store; to begin anew, run the job again.",
  "segment-missing": "Find out what changed the object store; to begin anew, run the job again.",
  "sink-failed": "Check the sink's target; what was committed is published when it is back.",
  "source-failed": "Check the source's input.",
  stale: "Another process took over; this one has nothing left to do.",
  "state-incompatible": "Give the operator another name, or the state the type it had.",
  "state-not-encodable": "Keep plain data in state.",
  "task-hung": "Look for an endless loop in the operator's function.",
  "tls-failed":
    "Look at both ends' certificates and clocks; deploy/SECURITY.md shows how to make them.",
  unauthenticated: "Give a token that the coordinator knows: --token-file, or MILLRACE_TOKEN.",
  unavailable: "Try again when the service is back.",
  "unknown-outcome": "Look whether it happened (millrace list) before you try again.",
  "user-function-failed": "Correct the function; the job restarts from its latest checkpoint.",
  "version-skew": "Run coordinator and workers from the same version of Millrace.",
  "worker-lost": "Look at the worker's log; the job restarts by itself when slots are free.",
} satisfies Readonly<Record<StreamErrorCode, string>>;
