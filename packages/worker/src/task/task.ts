import type { Barrier, CheckpointId, SubtaskId, VertexId } from "@millrace/core";
import type { SourceLimit, SubtaskMetrics, SubtaskState } from "@millrace/rpc";

import type { SlotCommand, SlotEvent } from "../slot/slot-messages.ts";
import type { TurnBudget } from "./turn-budget.ts";

/** What a task was left with at the end of its turn. */
export type TaskActivity =
  /** It has more to do at once. */
  | "busy"
  /** It waits for input, a split, I/O or time. */
  | "idle"
  /** An output or a sink has no room. */
  | "backpressured"
  /** It takes no more before some of what it has asked for is answered. */
  | "full";

/** One subtask as the slot's loop runs it. All calls come from within the loop's turns. */
export interface Task {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  /** Every subtask of the attempt is restored: elements may flow. */
  start(): void;
  /** Works until nothing is left to do, an output is full, or the budget is spent. */
  work(budget: TurnBudget): TaskActivity;
  /** Sends what is due of the buffered output. */
  flush(nowMs: number, isIdle: boolean): void;
  onCheckpointCompleted(checkpointId: CheckpointId): void;
  onCheckpointAborted(checkpointId: CheckpointId): void;
  /** Encodes a slice of the running snapshot; false while more is left. */
  stepSnapshot(budget: TurnBudget): boolean;
  /** The attempt is over on this slot: whatever waits for something outside gives it up. */
  abort?(reason: unknown): void;
  /** Counters of the task; the loop adds the times. */
  readMetrics(): Omit<SubtaskMetrics, "busyMs" | "idleMs" | "backpressuredMs">;
}

/** What a source task takes from outside besides what every task takes. */
export interface SourceControl {
  injectBarrier(barrier: Barrier): void;
  assignSplit(assignment: SplitAssignment): void;
  stop(isDrain: boolean): void;
  /** How far sources may read on; of this one, if it is among them. */
  align(limits: readonly SourceLimit[]): void;
}

export type SplitAssignment = Extract<SlotCommand, { readonly kind: "assign-split" }>;

/** Brings what happens outside of turns into a turn, and ends the slot when a task fails. */
export interface Mailbox {
  /** Says that a task has something to do. */
  wake(): void;
  /** Says that an output of the running task is full: it pauses. */
  pauseTask(): void;
  /** Runs the action in a coming turn. */
  post(action: () => void): void;
  /** Brings the promise's outcome into a coming turn. */
  join<T>(promise: Promise<T>, outcome: Outcome<T>): void;
  /** Wakes after the delay. */
  wakeAfter(delayMs: number): void;
  send(event: SlotEvent): void;
  report(subtaskId: SubtaskId, state: SubtaskState): void;
  /** Fails the attempt with what the task threw or was told. */
  fail(subtaskId: SubtaskId, error: unknown): void;
}

export interface Outcome<T> {
  onValue(value: T): void;
  onFailure(error: unknown): void;
}
