import { StreamError, toFailureData, type SubtaskId } from "@millrace/core";
import type { LogLine, SubtaskMetrics, SubtaskState } from "@millrace/rpc";

import { ActivityTimes } from "../task/activity-times.ts";
import type { Mailbox, Outcome, Task } from "../task/task.ts";
import { TurnBudget, turnBudgetMs } from "../task/turn-budget.ts";
import type { SlotEvent } from "./slot-messages.ts";
import type { SlotPorts } from "./slot-ports.ts";
import type { SlotPort } from "./task-host.ts";

/** A turn's share for encoding snapshots. */
const snapshotBudgetMs = 0.5;
const metricsIntervalMs = 1_000;
/** Lines that one turn may print; more are counted. */
const maxLinesPerTurn = 1_000;
/** Buffered output waits at most so long for its frame to fill. */
const flushIntervalMs = 5;

const haltOptions = { domain: "internal", retry: "never" } as const;

interface RunningTask {
  readonly task: Task;
  readonly times: ActivityTimes;
  /** Among the slot's subtasks in the order of the preparation. */
  readonly taskIndex: number;
}

/**
 * The one owner loop of a slot: its mail and its tasks, downstream first, in turns.
 *
 * I1 Everything that changes a task happens inside a turn.
 * I2 A turn is bounded: each task by its budget, a snapshot by its slice; then I/O gets its share.
 * I3 While nothing is to do, no turn runs; whatever makes work wakes the loop.
 * I4 After a failure, or a halt, nothing runs any more; a failure is reported once.
 */
export class SlotLoop implements Mailbox {
  readonly #port: SlotPort;
  readonly #ports: Pick<SlotPorts, "clock" | "turn">;
  readonly #budget: TurnBudget;
  #mail: (() => void)[] = [];
  #tasks: readonly RunningTask[] = [];
  #lines: LogLine[] = [];
  #droppedLineCount = 0;
  #isScheduled = false;
  #isOver = false;
  #isLoading = false;
  #timer: Disposable | undefined;
  #timerAtMs = Infinity;
  #nextMetricsMs = Infinity;

  constructor(port: SlotPort, ports: Pick<SlotPorts, "clock" | "turn">) {
    this.#port = port;
    this.#ports = ports;
    this.#budget = new TurnBudget(ports.clock);
  }

  /** Takes over the tasks of the attempt, downstream first: the preparation's order reversed. */
  setTasks(tasks: readonly Task[]): void {
    const nowMs = this.#ports.clock.monotonicMs();
    this.#tasks = tasks.map((task, index) => ({
      task,
      times: new ActivityTimes(nowMs),
      taskIndex: tasks.length - 1 - index,
    }));
    this.#nextMetricsMs = nowMs + metricsIntervalMs;
    this.wake();
  }

  wake(): void {
    if (this.#isScheduled || this.#isOver) return;
    this.#isScheduled = true;
    this.#ports.turn.post(() => this.#runTurn());
  }

  pauseTask(): void {
    this.#budget.interrupt();
  }

  post(action: () => void): void {
    this.#mail.push(action);
    this.wake();
  }

  join<T>(promise: Promise<T>, outcome: Outcome<T>): void {
    promise.then(
      (value) => this.post(() => outcome.onValue(value)),
      (error: unknown) => this.post(() => outcome.onFailure(error)),
    );
  }

  /**
   * Returns what the promise gives. Until then the slot counts as busy, between its turns too: the
   * author's module runs while it loads, and the watchdog has to see it when it hangs (F23).
   */
  async load<T>(promise: Promise<T>): Promise<T> {
    this.#isLoading = true;
    try {
      return await promise;
    } finally {
      this.#isLoading = false;
      this.#port.markTurn(false);
    }
  }

  wakeAfter(delayMs: number): void {
    const atMs = this.#ports.clock.monotonicMs() + delayMs;
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerAtMs = atMs;
    this.#timer = this.#ports.clock.schedule(delayMs, () => {
      this.#timerAtMs = Infinity;
      this.wake();
    });
  }

  send(event: SlotEvent): void {
    this.#port.send(event);
  }

  report(subtaskId: SubtaskId, state: SubtaskState): void {
    this.#port.send({ kind: "subtask-state", subtaskId, state });
  }

  fail(subtaskId: SubtaskId, error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop(error);
    const failure = toFailureData(error);
    const location = { subtask: subtaskId, ...failure.location };
    this.report(subtaskId, { kind: "failed", failure: { ...failure, location } });
  }

  /** Nothing runs any more, and nothing is reported: the slot is about to be ended. */
  halt(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop(new StreamError("cancelled", "the slot is ended", haltOptions));
  }

  /** Adds a line to the job's log; it leaves at the end of the turn. */
  printLine(source: SubtaskId, text: string): void {
    if (this.#lines.length >= maxLinesPerTurn) {
      this.#droppedLineCount += 1;
      return;
    }
    this.#lines.push({ atMs: this.#ports.clock.wallMs(), level: "print", source, text });
    this.wake();
  }

  #stop(reason: unknown): void {
    this.#timer?.[Symbol.dispose]();
    this.#mail = [];
    this.#sendLines();
    for (const { task } of this.#tasks) task.abort?.(reason);
  }

  #runTurn(): void {
    this.#isScheduled = false;
    if (this.#isOver) return;
    this.#port.markTurn(true);
    for (const action of this.#mail.splice(0)) this.#runMail(action);
    let hasMore = this.#mail.length > 0;
    for (const running of this.#tasks) {
      if (this.#runTask(running)) hasMore = true;
    }
    this.#flush();
    this.#sendLines();
    this.#sendMetrics();
    this.#port.markTurn(this.#isLoading);
    if (hasMore) this.wake();
  }

  #runMail(action: () => void): void {
    if (this.#isOver) return;
    try {
      action();
    } catch (error) {
      this.#failAny(error);
    }
  }

  /** Runs one task's share of the turn; true when it wants another turn at once. */
  #runTask({ task, times, taskIndex }: RunningTask): boolean {
    if (this.#isOver) return false;
    this.#port.markTask(taskIndex);
    const startedMs = this.#ports.clock.monotonicMs();
    times.settle(startedMs);
    times.activity = "busy";
    try {
      this.#budget.begin(turnBudgetMs);
      const activity = task.work(this.#budget);
      this.#budget.begin(snapshotBudgetMs);
      const isEncoded = task.stepSnapshot(this.#budget);
      times.settle(this.#ports.clock.monotonicMs());
      times.activity = activity;
      return activity === "busy" || !isEncoded;
    } catch (error) {
      this.fail(task.subtaskId, error);
      return false;
    }
  }

  /** Sends what is due; while output may wait for its frame, a timer looks after it. */
  #flush(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const { task, times } of this.#tasks) {
      if (this.#isOver) return;
      try {
        task.flush(nowMs, times.activity !== "busy");
      } catch (error) {
        this.fail(task.subtaskId, error);
      }
    }
    const isBackpressured = this.#tasks.some(({ times }) => times.activity === "backpressured");
    if (isBackpressured) this.wakeAfter(flushIntervalMs);
  }

  #sendLines(): void {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    this.#lines = [];
    if (this.#droppedLineCount > 0) {
      const text = `${this.#droppedLineCount} more lines were printed in this turn and dropped`;
      lines.push({ atMs: this.#ports.clock.wallMs(), level: "warn", source: "", text });
      this.#droppedLineCount = 0;
    }
    this.#port.send({ kind: "log-lines", lines });
  }

  #sendMetrics(): void {
    if (this.#tasks.length === 0 || this.#isOver) return;
    const nowMs = this.#ports.clock.monotonicMs();
    if (nowMs >= this.#nextMetricsMs) {
      this.#nextMetricsMs = nowMs + metricsIntervalMs;
      const subtasks = this.#tasks.map(({ task, times }): SubtaskMetrics => {
        times.settle(nowMs);
        return { ...task.readMetrics(), ...times.read() };
      });
      this.#port.send({ kind: "metrics", subtasks });
    }
    this.wakeAfter(this.#nextMetricsMs - nowMs);
  }

  /** Mail belongs to no task: the failure is put on the most upstream one. */
  #failAny(error: unknown): void {
    const subtaskId = this.#tasks.at(-1)?.task.subtaskId;
    if (subtaskId === undefined) throw error;
    this.fail(subtaskId, error);
  }
}
