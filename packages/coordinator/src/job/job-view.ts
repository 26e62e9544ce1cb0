import { assertNever, type FailureData } from "@millrace/core";
import type { JobState } from "@millrace/rpc";

import type { JobMachine } from "./job-states.ts";

/** Returns the state as users see it. `attempt` is the newest one, 0 before the first. */
export function visibleState(machine: JobMachine, attempt: number): JobState {
  const { phase } = machine;
  switch (phase.kind) {
    case "waiting":
      if (phase.shortage !== undefined) return "waiting-for-slots";
      return attempt === 0 ? "created" : "restarting";
    case "raising":
      return attempt === 0 ? "deploying" : "restarting";
    case "deploying":
      return attempt <= 1 ? "deploying" : "restarting";
    case "backing-off":
      return "restarting";
    case "running":
      if (machine.goal === "stop" || machine.goal === "drain") return "stopping";
      return phase.run.last === undefined ? "running" : "finishing";
    case "ending":
      return phase.outcome.kind === "finished" ? "finishing" : "stopping";
    case "ended":
      return phase.outcome.kind;
    default:
      return assertNever(phase);
  }
}

/** Returns what the job waits for, in words; empty if nothing. */
export function describeWait(machine: JobMachine): string {
  const { phase } = machine;
  switch (phase.kind) {
    case "waiting":
      return phase.shortage === undefined
        ? ""
        : `needs ${count(phase.shortage.needed, "slot")}, ${phase.shortage.free} free: start more workers, or cancel it and submit it with a smaller parallelism`;
    case "raising":
      return "the metadata store, for a new attempt";
    case "deploying":
      return `${count(phase.missing.size, "subtask")} to be ready`;
    case "backing-off":
      return `${phase.delayMs} ms until the restart`;
    case "running":
      return describeLast(machine);
    case "ending":
      return "the metadata store, to record the end";
    case "ended":
      return "";
    default:
      return assertNever(phase);
  }
}

function describeLast({ phase, goal }: JobMachine): string {
  if (phase.kind !== "running") return "";
  const { last, flowing, undrained } = phase.run;
  if (last?.committed !== undefined) {
    return `the sinks to publish checkpoint ${last.committed}`;
  }
  if (last !== undefined) return `the ${last.kind === "final" ? "final checkpoint" : last.kind}`;
  if (goal === "stop") return `${count(flowing.size, "source subtask")} to stop`;
  if (goal === "drain") return `${count(undrained.size, "subtask")} to drain`;
  return "";
}

/** Returns a failure on one line: code, message, and where it was. */
export function describeFailure(failure: FailureData): string {
  const where = Object.entries(failure.location ?? {})
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
  return `${failure.code}: ${failure.message}${where === "" ? "" : ` (${where})`}`;
}

/** Returns `1 slot`, `2 slots`. */
function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** Returns bytes for people: `512 B`, `1.2 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
