import { runSeed, simProfiles, type Fault, type SimProfile } from "@millrace/testing";

/** A process that dies once, at one of its calls of a store. */
export interface SweepCase {
  readonly seed: string;
  readonly profile: SimProfile;
  /** -1 is the leading coordinator. */
  readonly worker: number;
  /** Of the process, once the job is about to begin; from 1. */
  readonly call: number;
  /** Whether it dies once the call is done, or before it is sent. */
  readonly isDone: boolean;
}

/** Before this the processes have started; the job is submitted after it. */
const startMs = 250;

/**
 * Returns, for the leading coordinator and a worker of either profile, every call of a store at which
 * they can die while they run the seed's job, before it and after it (F4).
 */
export async function listSweepCases(seed: string): Promise<readonly SweepCase[]> {
  const cases: SweepCase[] = [];
  for (const profile of simProfiles) {
    const { storeCalls } = await runSeed({ seed, profile, faults: [] });
    for (const worker of [-1, 0]) {
      const machines = Object.entries(storeCalls).filter(([machine]) =>
        machine.startsWith(worker < 0 ? "coordinator" : "worker-0"),
      );
      const callCount = Math.max(...machines.map(([, count]) => count), 0);
      for (let call = 1; call <= callCount; call += 1) {
        cases.push({ seed, profile, worker, call, isDone: false });
        cases.push({ seed, profile, worker, call, isDone: true });
      }
    }
  }
  return cases;
}

/** Runs the seed's job with one death; says whether the process died, and what was violated. */
export async function runSweepCase({
  seed,
  profile,
  worker,
  call,
  isDone,
}: SweepCase): Promise<{ readonly hasDied: boolean; readonly violation: string | undefined }> {
  const fault: Fault = {
    kind: "kill-at-call",
    atMs: startMs,
    worker,
    call,
    isDone,
    downMs: 500,
  };
  const { faultCounts, violation } = await runSeed({ seed, profile, faults: [fault] });
  return { hasDied: faultCounts["kill-at-call"] > 0, violation };
}

/** Returns the command that repeats a case. */
export function describeCase({ seed, profile, worker, call, isDone }: SweepCase): string {
  const who = worker < 0 ? "the leader" : `worker ${worker}`;
  return `seed ${seed}, ${profile}: ${who} dies ${isDone ? "after" : "before"} its call ${call}`;
}
