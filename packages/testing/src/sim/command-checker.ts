import type { AttemptRef, JobId } from "@millrace/core";
import type { SlotCommand } from "@millrace/worker";

import type { RunCounts } from "./invariant-checker.ts";

export interface CommandCheckerOptions {
  readonly violate: (message: string) => void;
  readonly counts: RunCounts;
  /** The newest committed checkpoint. */
  readonly head: () => bigint | undefined;
  /** The attempt that may commit; 0 before the first. */
  readonly attempt: () => number;
  /** Whether the job has ended, and another one is watched. */
  readonly hasEnded: (jobId: JobId) => boolean;
  /** Which attempt committed a checkpoint. */
  readonly attemptOf: (checkpointId: bigint) => number | undefined;
}

type Preparation = Extract<SlotCommand, { kind: "prepare" }>["preparation"];

/** What workers tell their slots, against the metadata: S2, S7, S9. */
export class CommandChecker {
  readonly #options: CommandCheckerOptions;
  /** Which request of which subtask each split answered. */
  readonly #assignedSplits = new Map<string, string>();
  /** What each process of a worker was last prepared for. */
  readonly #newest = new Map<string, AttemptRef>();

  constructor(options: CommandCheckerOptions) {
    this.#options = options;
  }

  /** `ref` is what the slot is prepared for. */
  onCommand(worker: string, command: SlotCommand, ref: AttemptRef | undefined): void {
    if (ref === undefined) return;
    this.#checkEpoch(worker, command, ref);
    if (command.kind === "prepare") this.#onPrepare(worker, command.preparation);
    if (command.kind === "checkpoint-completed") {
      this.#onCompleted(worker, command.checkpointId, ref);
    }
    if (command.kind === "assign-split") this.#onAssigned(ref, command);
  }

  /** S2: once a worker runs an attempt, it does nothing for an older one. */
  #checkEpoch(worker: string, command: SlotCommand, ref: AttemptRef): void {
    const newest = this.#newest.get(worker);
    if (newest === undefined || newest.jobId !== ref.jobId || !isOlder(ref, newest)) return;
    this.#options.violate(
      `S2: ${worker} passes ${command.kind} of ${describe(ref)} on after ${describe(newest)}`,
    );
  }

  /** S7: an attempt restores exactly the head. */
  #onPrepare(worker: string, { ref, restore }: Preparation): void {
    this.#newest.set(worker, ref);
    const { attempt, head, hasEnded, violate, counts } = this.#options;
    // A message of an attempt that is over already: its slots will be refused.
    if (hasEnded(ref.jobId) || attempt() !== ref.attempt) return;
    if (restore?.checkpointId !== head()) {
      violate(
        `S7: attempt ${ref.attempt} restores ${restore?.checkpointId}, the head is ${head()}`,
      );
    }
    if (restore !== undefined) counts.nonEmptyRestores += 1;
  }

  /** S2, S13: a slot hears of the commits of its own attempt only. */
  #onCompleted(worker: string, checkpointId: bigint, ref: AttemptRef): void {
    const committedBy = this.#options.attemptOf(checkpointId);
    if (committedBy === ref.attempt) return;
    this.#options.violate(
      `S2: ${worker} tells a slot of ${describe(ref)} that checkpoint ${checkpointId} completed, ` +
        `which attempt ${committedBy} committed`,
    );
  }

  /** S9: at each attempt a split has one owner; the same answer may come twice (F9). */
  #onAssigned(
    { jobId, attempt }: AttemptRef,
    command: Extract<SlotCommand, { kind: "assign-split" }>,
  ): void {
    const { split, vertexId, subtaskIndex, requestNumber } = command;
    if (split === undefined) return;
    const name = `${vertexId} ${split.id} in attempt ${attempt} of ${jobId}`;
    const request = `request ${requestNumber} of subtask ${subtaskIndex}`;
    const first = this.#assignedSplits.get(name) ?? request;
    this.#assignedSplits.set(name, first);
    if (first !== request) {
      this.#options.violate(`S9: split ${name} answers ${first} and ${request}`);
    }
  }
}

function isOlder(ref: AttemptRef, other: AttemptRef): boolean {
  if (ref.leaderEpoch !== other.leaderEpoch) return ref.leaderEpoch < other.leaderEpoch;
  return ref.attempt < other.attempt;
}

function describe({ leaderEpoch, attempt }: AttemptRef): string {
  return `attempt ${attempt} of epoch ${leaderEpoch}`;
}
