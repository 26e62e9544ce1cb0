import { parseCheckpointId, parseVertexId, subtaskIdOf, type FailureData } from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createEndedMachine, createJobMachine, transition } from "./job-machine.ts";
import type { JobEffect, JobEvent, JobGoal, JobMachine } from "./job-states.ts";
import type { RestartSettings } from "./restart-policy.ts";

const settings: RestartSettings = {
  maxFailures: 2,
  backoff: { initialMs: 1_000, maxMs: 60_000, factor: 2 },
};
const source = subtaskIdOf(parseVertexId("source"), 0);
const sink = subtaskIdOf(parseVertexId("sink"), 0);
const lost: FailureData = { code: "worker-lost", message: "w1", domain: "external" };
const thrown: FailureData = { code: "user-function-failed", message: "no", domain: "user" };
const corrupt: FailureData = { code: "segment-corrupt", message: "s", domain: "external" };
const id = parseCheckpointId(7n);

const reserved: JobEvent = { kind: "slots-reserved", subtasks: [source, sink], sources: [source] };
const deploying: readonly JobEvent[] = [{ kind: "begin" }, reserved, { kind: "attempt-raised" }];
const running: readonly JobEvent[] = [
  ...deploying,
  { kind: "subtask-state", subtaskId: source, state: "ready" },
  { kind: "subtask-state", subtaskId: sink, state: "ready" },
];
const drained: readonly JobEvent[] = [
  { kind: "subtask-state", subtaskId: source, state: "drained" },
  { kind: "subtask-state", subtaskId: sink, state: "drained" },
];

function failed(failure: FailureData): JobEvent {
  return { kind: "attempt-failed", failure, jitter: 1 };
}

function committed(checkpointKind: "checkpoint" | "final" | "savepoint"): JobEvent {
  return { kind: "checkpoint-committed", checkpointId: id, checkpointKind };
}

function play(
  events: readonly JobEvent[],
  goal: JobGoal = "run",
): readonly [JobMachine, readonly JobEffect[]] {
  let machine = createJobMachine({ goal, hasRun: false });
  let effects: readonly JobEffect[] = [];
  for (const event of events) ({ machine, effects } = transition(machine, event, settings));
  return [machine, effects];
}

/** From where, by what, to which phase, with which effects: the table of the header. */
const table: readonly (readonly [
  string,
  readonly JobEvent[],
  JobMachine["phase"]["kind"],
  readonly JobEffect["kind"][],
])[] = [
  ["begin reserves slots", [{ kind: "begin" }], "waiting", ["reserve-slots"]],
  [
    "a shortage waits",
    [{ kind: "begin" }, { kind: "slots-short", shortage: { needed: 2, free: 1 } }],
    "waiting",
    [],
  ],
  [
    "new slots are asked for again",
    [{ kind: "begin" }, { kind: "slots-changed" }],
    "waiting",
    ["reserve-slots"],
  ],
  [
    "the wait for slots ends",
    [{ kind: "begin" }, { kind: "slot-wait-over" }],
    "ending",
    ["suspend-checkpoints", "record-end"],
  ],
  ["reserved slots raise the attempt", [{ kind: "begin" }, reserved], "raising", ["raise-attempt"]],
  ["a raised attempt is deployed", deploying, "deploying", ["deploy"]],
  [
    "a hand-over asks for a checkpoint",
    [...running, { kind: "hand-over", failure: lost }],
    "running",
    ["request-checkpoint"],
  ],
  [
    "with the next checkpoint the job goes on elsewhere",
    [...running, { kind: "hand-over", failure: lost }, committed("checkpoint")],
    "waiting",
    ["cancel-attempt", "reserve-slots"],
  ],
  [
    "an attempt that does not run yet is handed over at once",
    [...deploying, { kind: "hand-over", failure: lost }],
    "waiting",
    ["cancel-attempt", "reserve-slots"],
  ],
  [
    "a job at its last checkpoint ends where it is",
    [...running, ...drained, { kind: "hand-over", failure: lost }],
    "running",
    [],
  ],
  [
    "a worker lost meanwhile is remembered",
    [...deploying.slice(0, 2), failed(lost)],
    "raising",
    [],
  ],
  [
    "and begins anew",
    [...deploying.slice(0, 2), failed(lost), { kind: "attempt-raised" }],
    "waiting",
    ["cancel-attempt", "reserve-slots"],
  ],
  [
    "an attempt that cannot restore ends",
    [...deploying.slice(0, 2), { kind: "attempt-not-raised", failure: corrupt, jitter: 0 }],
    "ending",
    ["cancel-attempt", "suspend-checkpoints", "record-end"],
  ],
  ["not all ready", running.slice(0, -1), "deploying", []],
  ["all ready", running, "running", ["start"]],
  [
    "a lost worker while deploying",
    [...deploying, failed(lost)],
    "waiting",
    ["cancel-attempt", "reserve-slots"],
  ],
  [
    "a lost worker while running",
    [...running, failed(lost)],
    "waiting",
    ["cancel-attempt", "reserve-slots"],
  ],
  [
    "the first failure of the author",
    [...running, failed(thrown)],
    "waiting",
    ["cancel-attempt", "reserve-slots"],
  ],
  [
    "the second",
    [...running, failed(thrown), ...running.slice(1), failed(thrown)],
    "backing-off",
    ["cancel-attempt", "wait-backoff"],
  ],
  [
    "the backoff is over",
    [...running, failed(thrown), ...running.slice(1), failed(thrown), { kind: "backoff-over" }],
    "waiting",
    ["reserve-slots"],
  ],
  [
    "a corrupt segment",
    [...running, failed(corrupt)],
    "ending",
    ["cancel-attempt", "suspend-checkpoints", "record-end"],
  ],
  ["all drained", [...running, ...drained], "running", ["request-checkpoint"]],
  [
    "an ordinary checkpoint ends nothing",
    [...running, ...drained, committed("checkpoint")],
    "running",
    [],
  ],
  [
    "the final one committed",
    [...running, ...drained, committed("final")],
    "running",
    ["suspend-checkpoints"],
  ],
  [
    "published before it committed",
    [...running, ...drained, { kind: "published", checkpointId: id }],
    "running",
    [],
  ],
  [
    "and published",
    [...running, ...drained, committed("final"), { kind: "published", checkpointId: id }],
    "ending",
    ["suspend-checkpoints", "record-end"],
  ],
  [
    "recorded",
    [
      ...running,
      ...drained,
      committed("final"),
      { kind: "published", checkpointId: id },
      { kind: "end-recorded" },
    ],
    "ended",
    ["cancel-attempt"],
  ],
  ["stop while running", [...running, { kind: "goal", goal: "stop" }], "running", ["stop-sources"]],
  [
    "sources stopped",
    [
      ...running,
      { kind: "goal", goal: "stop" },
      { kind: "subtask-state", subtaskId: source, state: "stopped" },
    ],
    "running",
    ["request-checkpoint"],
  ],
  [
    "a drain waits for all",
    [...running, { kind: "goal", goal: "drain" }, ...drained.slice(0, 1)],
    "running",
    [],
  ],
  [
    "cancel while running",
    [...running, { kind: "goal", goal: "cancel" }],
    "ending",
    ["suspend-checkpoints", "record-end"],
  ],
  [
    "cancel while raising waits",
    [...deploying.slice(0, 2), { kind: "goal", goal: "cancel" }],
    "raising",
    [],
  ],
  [
    "and ends once it is raised",
    [...deploying.slice(0, 2), { kind: "goal", goal: "cancel" }, { kind: "attempt-raised" }],
    "ending",
    ["suspend-checkpoints", "record-end"],
  ],
];

test.each(table)("%s", (_name, events, phase, effects) => {
  const [machine, last] = play(events);
  expect(machine.phase.kind).toBe(phase);
  expect(last.map(({ kind }) => kind)).toEqual(effects);
});

describe("goals", () => {
  test("a stop of before the restart stops the sources as soon as they run (I4)", () => {
    const [, effects] = play(running, "stop");
    expect(effects).toEqual([{ kind: "start" }, { kind: "stop-sources", isDrain: false }]);
  });

  test("a cancel of before the restart ends the job at once", () => {
    expect(play([{ kind: "begin" }], "cancel")[0].phase.kind).toBe("ending");
  });

  test("a stop that comes when the final checkpoint is asked for lets the job finish", () => {
    const [machine] = play([
      ...running,
      ...drained,
      { kind: "goal", goal: "stop" },
      committed("final"),
      { kind: "published", checkpointId: id },
    ]);
    expect(machine.phase).toEqual({ kind: "ending", outcome: { kind: "finished" } });
  });

  test("a drain takes a savepoint and stops", () => {
    const [machine] = play([
      ...running,
      { kind: "goal", goal: "drain" },
      ...drained,
      committed("savepoint"),
      { kind: "published", checkpointId: id },
    ]);
    expect(machine.phase).toEqual({ kind: "ending", outcome: { kind: "stopped" } });
  });
});

test("the limit ends the job with the author's failure, and a checkpoint between resets it", () => {
  const again = [...running.slice(1), failed(thrown)];
  const back: JobEvent = { kind: "backoff-over" };
  const three = [...running, failed(thrown), ...again, back, ...again];
  expect(play(three)[0].phase).toMatchObject({
    kind: "ending",
    outcome: { kind: "failed", failure: { code: "restart-limit" } },
  });
  const calmed = [...running, committed("checkpoint"), failed(thrown)];
  expect(play([...running, failed(thrown), ...calmed.slice(1)])[0].phase.kind).toBe("waiting");
});

test("a job that has run waits for slots without a limit", () => {
  const [machine] = play([...running, failed(lost), { kind: "slot-wait-over" }]);
  expect(machine.phase.kind).toBe("waiting");
});

const anyEvent: fc.Arbitrary<JobEvent> = fc.constantFrom<JobEvent>(
  ...running,
  ...drained,
  failed(lost),
  failed(thrown),
  committed("checkpoint"),
  committed("final"),
  committed("savepoint"),
  { kind: "slots-changed" },
  { kind: "slots-short", shortage: { needed: 2, free: 1 } },
  { kind: "slot-wait-over" },
  { kind: "attempt-not-raised", failure: lost, jitter: 0 },
  { kind: "subtask-state", subtaskId: source, state: "stopped" },
  { kind: "backoff-over" },
  { kind: "goal", goal: "stop" },
  { kind: "goal", goal: "drain" },
  { kind: "goal", goal: "cancel" },
  { kind: "published", checkpointId: id },
  { kind: "end-recorded" },
);

test("whatever happens in whatever order: one attempt at a time, one end, nothing after it", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60, size: "max" }), (events) => {
      let machine = createJobMachine({ goal: "run", hasRun: false });
      const misplaced: string[] = [];
      let endCount = 0;
      let deployedCount = 0;
      for (const event of events) {
        const before = machine.phase.kind;
        const next = transition(machine, event, settings);
        machine = next.machine;
        const kinds = next.effects.map(({ kind }) => kind);
        endCount += kinds.filter((kind) => kind === "record-end").length;
        if (kinds.includes("raise-attempt") && before !== "waiting") misplaced.push(before);
        if (kinds.includes("cancel-attempt")) deployedCount = 0;
        if (kinds.includes("deploy")) deployedCount += 1;
        expect(deployedCount).toBeLessThanOrEqual(1);
        if (kinds.length > 0 && before === "ended") misplaced.push(before);
      }
      expect(endCount).toBeLessThanOrEqual(1);
      expect(misplaced).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("an ended job stays ended", () => {
  const ended = createEndedMachine({ kind: "failed", failure: thrown });
  for (const event of [
    ...running,
    ...drained,
    failed(lost),
    { kind: "goal", goal: "stop" } as const,
  ]) {
    expect(transition(ended, event, settings)).toEqual({ machine: ended, effects: [] });
  }
});
