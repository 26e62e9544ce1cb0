import type { SplitRecord } from "@millrace/checkpoint";
import {
  assert,
  assertNever,
  maxWatermark,
  minWatermark,
  type Barrier,
  type CheckpointId,
  type SubtaskId,
  type VertexId,
} from "@millrace/core";
import type { SourceReader, SourceSpec } from "@millrace/graph";
import type { SourceLimit } from "@millrace/rpc";

import { HeldSplits } from "./held-splits.ts";
import { Idleness } from "./idleness.ts";
import { RecordRunner } from "./record-runner.ts";
import { encodeSourceEntry, type SourceEntry } from "./source-entry.ts";
import { SplitDiscovery } from "./split-discovery.ts";
import { SplitRequests } from "./split-requests.ts";
import type { SubtaskContext } from "./subtask-context.ts";
import type { SourceControl, SplitAssignment, Task, TaskActivity } from "./task.ts";
import type { TurnBudget } from "./turn-budget.ts";
import { WatermarkPeriods } from "./watermark-periods.ts";

export interface SourceTaskOptions {
  readonly context: SubtaskContext;
  readonly operatorName: string;
  readonly spec: SourceSpec;
  readonly reader: SourceReader<unknown>;
  /** Splits that this subtask had at the restored checkpoint, or got on rescaling. */
  readonly restored: readonly SourceEntry[];
  /** Set at the one subtask that has to report the splits: returns them. */
  readonly discover: (() => Promise<readonly SplitRecord[]>) | undefined;
}

/** What comes from the coordinator, handled strictly in this order (S9). */
type Control =
  | { readonly kind: "barrier"; readonly barrier: Barrier }
  | { readonly kind: "assign"; readonly assignment: SplitAssignment }
  | { readonly kind: "stop"; readonly isDrain: boolean };

type Phase =
  /** Restored, not started. */
  | { readonly kind: "waiting-for-start" }
  | { readonly kind: "reading" }
  /** Asked for a split; no other request is out. */
  | { readonly kind: "requested" }
  /** No split will come and none is left: the end of input is on its way. */
  | { readonly kind: "ending" }
  /** The end of input was emitted. */
  | { readonly kind: "drained" }
  /** Told to stop without an end of input. */
  | { readonly kind: "stopped" };

/**
 * Reads splits into the chain. Not concerned with where splits come from, nor with other readers.
 *
 * I1 Every split that was assigned or restored is in `#splits` until its last record has passed the
 *    chain, so a cut holds it whatever its state (S9).
 * I2 Assignments and barriers take effect in the order in which they came (S9); a barrier waits for
 *    a watermark that is being fired.
 * I3 The watermark is the minimum over own splits and what the pool may still hold; it never falls
 *    and leaves at most once a turn (S12).
 */
export class SourceTask implements Task, SourceControl {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  readonly #options: SourceTaskOptions;
  readonly #context: SubtaskContext;
  readonly #runner: RecordRunner;
  #controls: readonly Control[] = [];
  readonly #splits: HeldSplits;
  readonly #requests: SplitRequests;
  #phase: Phase = { kind: "waiting-for-start" };
  /** Emitted or being fired. */
  #watermarkMs: number = minWatermark;
  /** Its input has ended, and its operators have finished. */
  #isDrained = false;
  #isFiring = false;
  /** Splits whose watermarks are above wait for other sources. */
  #limitMs = Infinity;
  readonly #isUnbounded: boolean;
  readonly #discovery: SplitDiscovery | undefined;
  /** Records have passed since it was last without any. */
  #hasRun = false;
  /** It has no split, and none may come for long: so it has said. */
  #isWithoutSplit = false;
  readonly #idleness: Idleness | undefined;
  /** Of the author's own watermark generators. */
  readonly #periods: WatermarkPeriods | undefined;

  constructor(options: SourceTaskOptions) {
    const { context } = options;
    this.#options = options;
    this.#context = context;
    this.subtaskId = context.subtaskId;
    this.vertexId = context.vertexId;
    this.subtaskIndex = context.subtaskIndex;
    this.#runner = new RecordRunner(options);
    this.#requests = new SplitRequests(context);
    const { connector, watermarks } = options.spec;
    const { clock, mailbox } = context;
    if (options.discover !== undefined) {
      this.#discovery = new SplitDiscovery({
        context,
        discover: options.discover,
        operatorName: options.operatorName,
        repeatMs: connector.rediscoverMs,
      });
    }
    this.#isUnbounded = connector.isBounded === false;
    if (watermarks?.idleAfterMs !== undefined) {
      this.#idleness = new Idleness(watermarks.idleAfterMs, clock, mailbox);
    }
    if (watermarks?.generator !== undefined) this.#periods = new WatermarkPeriods(clock, mailbox);
    this.#splits = new HeldSplits(options);
  }

  start(): void {
    assert(this.#phase.kind === "waiting-for-start", `${this.subtaskId} starts once`);
    this.#phase = { kind: "reading" };
    this.#idleness?.begin();
    this.#discovery?.begin();
  }

  injectBarrier(barrier: Barrier): void {
    this.#controls = [...this.#controls, { kind: "barrier", barrier }];
  }

  assignSplit(assignment: SplitAssignment): void {
    this.#controls = [...this.#controls, { kind: "assign", assignment }];
  }

  stop(isDrain: boolean): void {
    this.#controls = [...this.#controls, { kind: "stop", isDrain }];
  }

  align(limits: readonly SourceLimit[]): void {
    const own = limits.find(({ vertexId }) => vertexId === this.vertexId);
    if (own !== undefined) this.#limitMs = own.maxWatermarkMs;
  }

  work(budget: TurnBudget): TaskActivity {
    if (this.#phase.kind === "waiting-for-start") return "idle";
    const { chain } = this.#context;
    const shouldPause = (): boolean => budget.isSpent() || !chain.hasRoom();
    if (this.#isFiring && (!chain.hasRoom() || !this.#fire(shouldPause))) {
      return this.#pausedActivity();
    }
    if (chain.hasRoom() && !this.#context.fireProcessingTime(shouldPause)) {
      return this.#pausedActivity();
    }
    this.#handleControls();
    this.#runner.refill();
    // Barriers pass without room, records do not.
    const activity = chain.hasRoom() ? this.#read(budget) : "backpressured";
    this.#observeTime(activity);
    const isFired = this.#advanceWatermark(shouldPause);
    if (isFired && this.#phase.kind === "ending") this.#end();
    if (isFired && activity === "idle") this.#context.awaitProcessingTime();
    return isFired ? activity : this.#pausedActivity();
  }

  flush(nowMs: number, isIdle: boolean): void {
    this.#context.flush(nowMs, isIdle);
  }

  onCheckpointCompleted(checkpointId: CheckpointId): void {
    this.#context.completions.add(checkpointId);
  }

  onCheckpointAborted(checkpointId: CheckpointId): void {
    this.#controls = this.#controls.filter(
      (control) => control.kind !== "barrier" || control.barrier.checkpointId !== checkpointId,
    );
    this.#context.snapshots.abort(checkpointId);
  }

  stepSnapshot(budget: TurnBudget): boolean {
    return this.#context.snapshots.step(() => budget.isSpent());
  }

  readMetrics(): ReturnType<Task["readMetrics"]> {
    const metrics = this.#context.readMetrics(this.#watermarkMs);
    const isAligned = this.#options.spec.watermarks?.alignment !== undefined;
    return isAligned ? { ...metrics, alignedMs: this.#alignedMs() } : metrics;
  }

  /** Returns where the reader stands, in words. */
  describePositions(): string {
    return this.#splits.describePositions();
  }

  #handleControls(): void {
    const controls = this.#controls;
    this.#controls = [];
    for (const control of controls) {
      switch (control.kind) {
        case "barrier":
          this.#cut(control.barrier);
          break;
        case "assign":
          this.#take(control.assignment);
          break;
        case "stop":
          this.#stop(control.isDrain);
          break;
        default:
          assertNever(control);
      }
    }
  }

  #cut(barrier: Barrier): void {
    const entries = this.#splits.all.map((split) =>
      encodeSourceEntry(split.entry(), this.#options.context),
    );
    this.#context.cut({
      barrier,
      isDrained: this.#isDrained,
      alignmentMs: 0,
      lists: [{ operator: this.#options.operatorName, entries }],
    });
  }

  #take(assignment: SplitAssignment): void {
    const answer = this.#requests.take(assignment);
    if (answer === "repeated") return;
    const { split } = assignment;
    if (split !== undefined) this.#splits.add(split);
    this.#sayWithoutSplit(answer === "later" && this.#splits.count === 0);
    if (answer === "final" && this.#phase.kind === "requested") this.#phase = { kind: "reading" };
  }

  /** What may be discovered at any time, or never, holds up nobody's event time. */
  #sayWithoutSplit(isWithoutSplit: boolean): void {
    if (isWithoutSplit === this.#isWithoutSplit) return;
    this.#isWithoutSplit = isWithoutSplit;
    this.#context.emitStatus(isWithoutSplit);
  }

  #stop(isDrain: boolean): void {
    const { kind } = this.#phase;
    if (kind === "stopped" || kind === "ending" || kind === "drained") return;
    this.#phase = isDrain ? { kind: "ending" } : { kind: "stopped" };
    this.#context.mailbox.report(this.subtaskId, { kind: "stopped" });
  }

  /** Reads the splits batch by batch in turn; asks for another when there is none. */
  #read(budget: TurnBudget): TaskActivity {
    let emptyCount = 0;
    while (this.#phase.kind === "reading") {
      const split = this.#splits.first;
      // Splits without an end are read side by side, so that none is left in the pool.
      if (split !== undefined && this.#isUnbounded) this.#requests.ask();
      if (split === undefined) {
        this.#askForSplit();
        continue;
      }
      split.advance(this.#options.reader, this.#context.mailbox, (error) => this.#fail(error));
      if (split.isFinished()) {
        this.#splits.dropFirst();
        split.close(this.#context.mailbox, (error) => this.#fail(error));
        continue;
      }
      const isAhead = split.watermark.watermarkMs > this.#limitMs;
      if (isAhead || split.index >= split.records().length) {
        // Whoever has records is read meanwhile.
        emptyCount += 1;
        if (emptyCount >= this.#splits.count) return this.#awaitBatch();
        this.#splits.rotate();
        continue;
      }
      emptyCount = 0;
      if (this.#idleness?.onActive() === true) this.#context.emitStatus(false);
      this.#hasRun = true;
      const paused = this.#runner.run(split, budget);
      if (paused !== undefined) return paused;
      this.#splits.rotate();
    }
    return "idle";
  }

  /**
   * Whoever reads fast has the next batch by the next turn. It counts as idle only behind that: what
   * is buffered would else leave with each batch, in frames of a few records.
   */
  #awaitBatch(): TaskActivity {
    const hasRun = this.#hasRun;
    this.#hasRun = false;
    return hasRun ? "busy" : "idle";
  }

  #askForSplit(): void {
    this.#phase = this.#requests.isPoolEmpty ? { kind: "ending" } : { kind: "requested" };
    this.#requests.ask();
  }

  /** Fires the watermark of this turn, if it has risen; false while it is not fully fired. */
  #advanceWatermark(shouldPause: () => boolean): boolean {
    const watermarkMs = this.#currentWatermarkMs();
    if (watermarkMs <= this.#watermarkMs) return true;
    this.#watermarkMs = watermarkMs;
    this.#isFiring = true;
    return this.#fire(shouldPause);
  }

  #currentWatermarkMs(): number {
    if (this.#phase.kind === "ending") return maxWatermark;
    const isSilent = this.#phase.kind === "stopped" || this.#phase.kind === "drained";
    if (isSilent || this.#options.spec.watermarks === undefined) return minWatermark;
    const lowestMs = Math.min(this.#requests.poolWatermarkMs, this.#splits.lowestWatermarkMs());
    // Infinity is the end of input, which only `ending` says.
    return lowestMs === maxWatermark ? minWatermark : lowestMs;
  }

  /** Where it reads: what reads nothing holds up no other source. */
  #alignedMs(): number {
    if (this.#phase.kind !== "reading" || this.#idleness?.isIdle === true) return Infinity;
    return this.#splits.lowestWatermarkMs();
  }

  #fire(shouldPause: () => boolean): boolean {
    this.#isFiring = !this.#context.fireWatermark(this.#watermarkMs, shouldPause);
    if (!this.#isFiring) this.#context.emitWatermark();
    return !this.#isFiring;
  }

  #end(): void {
    this.#phase = { kind: "drained" };
    this.#context.emitEndOfInput();
    this.#context.finish(() => {
      this.#isDrained = true;
      this.#context.mailbox.report(this.subtaskId, { kind: "drained" });
    });
  }

  /** What follows from time that passes: idleness, and what generators say of it. */
  #observeTime(activity: TaskActivity): void {
    const isReading = this.#phase.kind === "reading" || this.#phase.kind === "requested";
    if (!isReading) return;
    this.#discovery?.tick();
    if (this.#isWithoutSplit) return;
    this.#periods?.tick(this.#splits.all);
    if (this.#idleness === undefined) return;
    const isAhead = this.#splits.isAnyAhead(this.#limitMs);
    if (activity === "backpressured" || isAhead) this.#idleness.onActive();
    else if (this.#idleness.onQuiet()) this.#context.emitStatus(true);
  }

  #pausedActivity(): TaskActivity {
    return this.#context.chain.hasRoom() ? "busy" : "backpressured";
  }

  #fail(error: unknown): void {
    this.#context.mailbox.fail(this.subtaskId, error);
  }
}
