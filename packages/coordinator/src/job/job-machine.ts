/**
 * The life of a job as a pure state machine: `transition(machine, event)` returns the next machine
 * and what is to be done. It does no I/O and reads no clock; the runner (`job-runner.ts`) executes
 * the effects, drops what belongs to an older attempt, and turns what happens into events.
 *
 * | from          | event                         | to                                            |
 * |---------------|-------------------------------|-----------------------------------------------|
 * | waiting       | slots-reserved                | raising                                       |
 * | waiting       | slots-short                   | waiting, with the shortage                    |
 * | waiting       | slots-changed                 | waiting, asks again                           |
 * | waiting       | slot-wait-over                | ending failed `no-slots`; ignored if it ran   |
 * | raising       | attempt-raised                | deploying; waiting if a worker was lost       |
 * | raising       | attempt-not-raised            | backing-off, waiting or ending failed         |
 * | deploying     | subtask-state ready, all      | running                                       |
 * | deploying, running | attempt-failed           | backing-off, waiting or ending failed         |
 * | backing-off   | backoff-over                  | waiting                                       |
 * | running       | hand-over                     | running, checkpoint at once                   |
 * | running       | any checkpoint committed, after hand-over | waiting                           |
 * | running       | all drained                   | running, final checkpoint (savepoint if draining) |
 * | running       | stop requested, sources at rest | running, savepoint                          |
 * | running       | that checkpoint committed, then published | ending finished or stopped        |
 * | all but ending, ended | cancel requested      | ending cancelled (raising: once it is raised) |
 * | ending        | end-recorded                  | ended                                         |
 *
 * I1 An attempt is raised only with reserved slots, and one at a time.
 * I2 Finished and stopped are recorded only after the last checkpoint has committed and every worker
 *    has published it (S13).
 * I3 An end that was decided is recorded before the attempt is torn down for it (S6).
 * I4 A stop or cancel that was asked for survives restarts of the attempt.
 * I5 Any other event in any other state changes nothing.
 */
import { assertNever, type CheckpointId, type FailureData } from "@millrace/core";

import type {
  JobEffect,
  JobEvent,
  JobGoal,
  JobMachine,
  JobOutcome,
  JobPhase,
  RunningAttempt,
  Transition,
} from "./job-states.ts";
import { decideRestart, noFailures, type RestartSettings } from "./restart-policy.ts";

/** Returns a job before its first event, `begin`. */
export function createJobMachine(facts: {
  readonly goal: JobGoal;
  readonly hasRun: boolean;
}): JobMachine {
  return { ...facts, phase: { kind: "waiting" }, subtasks: [], sources: [], counts: noFailures };
}

/** Returns a job that has ended. */
export function createEndedMachine(outcome: JobOutcome): JobMachine {
  const machine = createJobMachine({ goal: "run", hasRun: true });
  const failure = outcome.kind === "failed" ? { failure: outcome.failure } : {};
  return { ...machine, ...failure, phase: { kind: "ended", outcome } };
}

/** Returns the machine after the event and what is to be done, in order. */
export function transition(
  machine: JobMachine,
  event: JobEvent,
  settings: RestartSettings,
): Transition {
  switch (event.kind) {
    case "begin":
      if (machine.phase.kind !== "waiting") return keep(machine);
      return machine.goal === "cancel" ? end(machine, { kind: "cancelled" }) : wait(machine);
    case "slots-changed":
      return machine.phase.kind === "waiting"
        ? keep(machine, { kind: "reserve-slots" })
        : keep(machine);
    case "slots-short":
      return machine.phase.kind === "waiting"
        ? move(machine, { kind: "waiting", shortage: event.shortage })
        : keep(machine);
    case "slots-reserved":
      return onSlotsReserved(machine, event);
    case "slot-wait-over":
      return onSlotWaitOver(machine);
    case "attempt-raised":
      return onAttemptRaised(machine);
    case "attempt-not-raised":
      return machine.phase.kind === "raising" ? fail(machine, event, settings) : keep(machine);
    case "attempt-failed":
      return onAttemptFailed(machine, event, settings);
    case "subtask-state":
      return onSubtaskState(machine, event);
    case "backoff-over":
      return machine.phase.kind === "backing-off" ? wait(machine) : keep(machine);
    case "hand-over":
      return onHandOver(machine, event.failure, settings);
    case "goal":
      return onGoal(machine, event.goal);
    case "checkpoint-committed":
      return onCommitted(machine, event, settings);
    case "published":
      return onPublished(machine, event.checkpointId);
    case "end-recorded":
      return machine.phase.kind === "ending"
        ? move(
            machine,
            { kind: "ended", outcome: machine.phase.outcome },
            { kind: "cancel-attempt", reason: `the job is ${machine.phase.outcome.kind}` },
          )
        : keep(machine);
    default:
      return assertNever(event);
  }
}

function onSlotsReserved(
  machine: JobMachine,
  event: Extract<JobEvent, { kind: "slots-reserved" }>,
): Transition {
  if (machine.phase.kind !== "waiting") return keep(machine);
  const { subtasks, sources } = event;
  return move({ ...machine, subtasks, sources }, { kind: "raising" }, { kind: "raise-attempt" });
}

function onSlotWaitOver(machine: JobMachine): Transition {
  const { phase } = machine;
  if (phase.kind !== "waiting" || machine.hasRun) return keep(machine);
  const { needed, free } = phase.shortage ?? { needed: 1, free: 0 };
  return end(machine, {
    kind: "failed",
    failure: {
      code: "no-slots",
      domain: "user",
      message:
        `the job needs ${needed} slots and only ${free} are free; start more workers, ` +
        "or submit it with a smaller --parallelism",
    },
  });
}

function onAttemptRaised(machine: JobMachine): Transition {
  const { phase } = machine;
  if (phase.kind !== "raising") return keep(machine);
  const raised = { ...machine, hasRun: true };
  if (machine.goal === "cancel") return end(raised, { kind: "cancelled" });
  if (phase.lost !== undefined) {
    return prepend(wait({ ...raised, failure: phase.lost }), cancelEffect(phase.lost));
  }
  return move(
    raised,
    { kind: "deploying", missing: new Set(machine.subtasks) },
    { kind: "deploy" },
  );
}

function onAttemptFailed(
  machine: JobMachine,
  event: Extract<JobEvent, { kind: "attempt-failed" }>,
  settings: RestartSettings,
): Transition {
  const { phase } = machine;
  if (phase.kind === "raising") return move(machine, { kind: "raising", lost: event.failure });
  if (phase.kind !== "deploying" && phase.kind !== "running") return keep(machine);
  return fail(machine, event, settings);
}

function fail(
  machine: JobMachine,
  event: { readonly failure: FailureData; readonly jitter: number },
  settings: RestartSettings,
): Transition {
  const { failure } = event;
  const failed = { ...machine, failure };
  if (machine.goal === "cancel") return end(failed, { kind: "cancelled" });
  const decision = decideRestart(machine.counts, failure, settings, event.jitter);
  if (decision.kind === "give-up") {
    const last = end(failed, { kind: "failed", failure: decision.failure });
    return prepend(last, cancelEffect(failure));
  }
  const { counts, delayMs } = decision;
  const next =
    delayMs === 0
      ? wait({ ...failed, counts })
      : move(
          { ...failed, counts },
          { kind: "backing-off", delayMs },
          { kind: "wait-backoff", delayMs },
        );
  return prepend(next, cancelEffect(failure));
}

function onSubtaskState(
  machine: JobMachine,
  { subtaskId, state }: Extract<JobEvent, { kind: "subtask-state" }>,
): Transition {
  const { phase } = machine;
  if (phase.kind === "deploying" && state === "ready") {
    const missing = without(phase.missing, subtaskId);
    return missing.size > 0 ? move(machine, { kind: "deploying", missing }) : start(machine);
  }
  if (phase.kind !== "running" || state === "ready") return keep(machine);
  const { run } = phase;
  const undrained = state === "drained" ? without(run.undrained, subtaskId) : run.undrained;
  return decideLast(machine, { ...run, undrained, flowing: without(run.flowing, subtaskId) });
}

function start(machine: JobMachine): Transition {
  const run = { undrained: new Set(machine.subtasks), flowing: new Set(machine.sources) };
  const effects: readonly JobEffect[] = [{ kind: "start" }, ...stopEffects(machine.goal)];
  return move(machine, { kind: "running", run }, ...effects);
}

/** Asks for the checkpoint after which the job ends, once everything before it is at rest. */
function decideLast(machine: JobMachine, run: RunningAttempt): Transition {
  const kind = run.last === undefined ? lastKind(machine.goal, run) : undefined;
  if (kind === undefined) return move(machine, { kind: "running", run });
  return move(
    machine,
    { kind: "running", run: { ...run, last: { kind } } },
    { kind: "request-checkpoint", checkpointKind: kind },
  );
}

function lastKind(goal: JobGoal, run: RunningAttempt): "savepoint" | "final" | undefined {
  switch (goal) {
    case "run":
      return run.undrained.size === 0 ? "final" : undefined;
    case "stop":
      return run.flowing.size === 0 ? "savepoint" : undefined;
    case "drain":
      return run.undrained.size === 0 ? "savepoint" : undefined;
    case "cancel":
      return undefined;
    default:
      return assertNever(goal);
  }
}

function onGoal(machine: JobMachine, goal: Exclude<JobGoal, "run">): Transition {
  const { phase } = machine;
  if (phase.kind === "ending" || phase.kind === "ended" || machine.goal === "cancel") {
    return keep(machine);
  }
  const wanted = { ...machine, goal };
  if (goal === "cancel") {
    return phase.kind === "raising" ? keep(wanted) : end(wanted, { kind: "cancelled" });
  }
  // The first stop counts; a job that waits for its last checkpoint ends as it would have.
  if (machine.goal !== "run") return keep(machine);
  if (phase.kind !== "running") return keep(wanted);
  if (phase.run.last !== undefined) return keep(machine);
  return prepend(decideLast(wanted, phase.run), ...stopEffects(goal));
}

function stopEffects(goal: JobGoal): readonly JobEffect[] {
  if (goal !== "stop" && goal !== "drain") return [];
  return [{ kind: "stop-sources", isDrain: goal === "drain" }];
}

/** A job that is about to end anyway ends where it is; one that has done nothing yet just moves. */
function onHandOver(
  machine: JobMachine,
  failure: FailureData,
  settings: RestartSettings,
): Transition {
  const { phase } = machine;
  if (phase.kind !== "running") {
    return onAttemptFailed(machine, { kind: "attempt-failed", failure, jitter: 0 }, settings);
  }
  if (phase.run.last !== undefined) return keep(machine);
  return move(
    machine,
    { kind: "running", run: { ...phase.run, handOver: failure } },
    { kind: "request-checkpoint", checkpointKind: "checkpoint" },
  );
}

function onCommitted(
  machine: JobMachine,
  event: Extract<JobEvent, { kind: "checkpoint-committed" }>,
  settings: RestartSettings,
): Transition {
  const { phase } = machine;
  const calm = { ...machine, counts: noFailures };
  if (
    phase.kind === "running" &&
    phase.run.last === undefined &&
    phase.run.handOver !== undefined
  ) {
    return fail(calm, { failure: phase.run.handOver, jitter: 0 }, settings);
  }
  if (phase.kind !== "running" || phase.run.last?.kind !== event.checkpointKind) return keep(calm);
  const last = { ...phase.run.last, committed: event.checkpointId };
  return move(
    calm,
    { kind: "running", run: { ...phase.run, last } },
    { kind: "suspend-checkpoints" },
  );
}

function onPublished(machine: JobMachine, checkpointId: CheckpointId): Transition {
  const { phase } = machine;
  if (phase.kind !== "running") return keep(machine);
  const { last } = phase.run;
  if (last?.committed === undefined || checkpointId < last.committed) return keep(machine);
  return end(machine, { kind: last.kind === "final" ? "finished" : "stopped" });
}

function wait(machine: JobMachine): Transition {
  return move(machine, { kind: "waiting" }, { kind: "reserve-slots" });
}

function end(machine: JobMachine, outcome: JobOutcome): Transition {
  const effects: readonly JobEffect[] = [
    { kind: "suspend-checkpoints" },
    { kind: "record-end", outcome },
  ];
  return move(machine, { kind: "ending", outcome }, ...effects);
}

function cancelEffect(failure: FailureData): JobEffect {
  return { kind: "cancel-attempt", reason: `${failure.code}: ${failure.message}` };
}

function keep(machine: JobMachine, ...effects: readonly JobEffect[]): Transition {
  return { machine, effects };
}

function move(machine: JobMachine, phase: JobPhase, ...effects: readonly JobEffect[]): Transition {
  return { machine: { ...machine, phase }, effects };
}

function prepend(next: Transition, ...effects: readonly JobEffect[]): Transition {
  return { machine: next.machine, effects: [...effects, ...next.effects] };
}

function without<Item>(items: ReadonlySet<Item>, item: Item): ReadonlySet<Item> {
  const rest = new Set(items);
  rest.delete(item);
  return rest;
}
