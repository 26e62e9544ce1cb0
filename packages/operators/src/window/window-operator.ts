import { assert } from "@millrace/core";
import {
  firstWindowEnd,
  lastWindowEnd,
  paneLayoutOf,
  paneOf,
  type PaneLayout,
  type WindowSpec,
} from "@millrace/graph";
import type { KeyedBackend, PaneState } from "@millrace/state";

import { PartialAggregate } from "../combine/partial.ts";
import type { Operator, OperatorContext } from "../operator.ts";
import { checkEventTime } from "./check-event-time.ts";
import { PendingEnds } from "./pending-ends.ts";
import { LateRecords, WindowEmitter } from "./window-emitter.ts";
import { WindowFiring } from "./window-firing.ts";

/** Returns the operator for tumbling and sliding windows; both aggregate in panes. */
export function createWindowOperator(spec: WindowSpec): Operator {
  return new WindowOperator(spec);
}

interface Opened {
  readonly context: OperatorContext;
  readonly keyed: KeyedBackend;
  readonly panes: PaneState<unknown>;
  readonly emitter: WindowEmitter;
  readonly late: LateRecords;
}

/**
 * Event-time windows by key. State is one accumulator per key and pane; which windows are still to
 * fire follows from the panes and the watermark, so there is no timer per key and window.
 *
 * I1 A window fires when the watermark first reaches its end - 1, once; an allowed late record
 *    fires it again, for its key only.
 * I2 A record counts for every window of its pane that has not fired or is within the allowed
 *    lateness; if there is none it goes to the side output for late records, or is dropped and counted.
 * I3 A pane stays while one of its windows can still take records, and then goes as a whole, by
 *    rule: no tombstones, and the same rule is applied to what was restored.
 * I4 A firing stops between two keys when asked to and goes on there; the watermark counts as
 *    reached only after its last window. So a snapshot lies between firings, and after a restore
 *    at the stored watermark no window fires twice and none is lost (S12).
 */
class WindowOperator implements Operator {
  readonly #spec: WindowSpec;
  readonly #layout: PaneLayout;
  /** Ends of windows with data that have not fired. */
  readonly #pendingEnds = new PendingEnds();
  readonly #knownPanes = new Set<number>();
  /** The known pane that the last record lay in; NaN without one. */
  #paneStartMs: number = Number.NaN;
  #paneEndMs: number = Number.NaN;
  #opened: Opened | undefined;
  #isRestored = false;
  /** The last watermark whose windows have all fired. */
  #watermarkMs = -Infinity;
  #firing: WindowFiring | undefined;

  constructor(spec: WindowSpec) {
    this.#spec = spec;
    this.#layout = paneLayoutOf(spec.assigner);
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    this.#opened = {
      context,
      keyed,
      panes: keyed.paneState("panes"),
      emitter: new WindowEmitter(context, keyed, this.#spec.aggregate),
      late: new LateRecords(context, this.#spec.lateTag),
    };
  }

  onRecord(record: unknown, timestampMs: number): void {
    const { panes } = this.#start();
    const isInPane = timestampMs >= this.#paneStartMs && timestampMs < this.#paneEndMs;
    if (!isInPane && !this.#goToPane(record, timestampMs)) return;
    const pane = this.#paneStartMs;
    const cell = panes.cellForUpdate(pane);
    const { value } = cell;
    if (record instanceof PartialAggregate) {
      cell.value = this.#merge(value, record.value);
    } else {
      const { create, add } = this.#spec.aggregate;
      const accumulator: unknown = value === undefined ? create() : value;
      const replaced: unknown = add(accumulator, record);
      cell.value = replaced === undefined ? accumulator : replaced;
    }
    if (this.#spec.allowedLatenessMs > 0) this.#fireLate(pane);
  }

  /** Makes the record's pane the current one; false if the record is too late for all its windows. */
  #goToPane(record: unknown, timestampMs: number): boolean {
    const { context, late } = this.#start();
    const pane = paneOf(this.#layout, timestampMs);
    if (!this.#knownPanes.has(pane)) {
      checkEventTime(timestampMs, context.operatorName);
      if (this.#isExpired(pane)) {
        if (record instanceof PartialAggregate) context.countLate(record.recordCount);
        else late.take(record, timestampMs);
        return false;
      }
      this.#learnPane(pane);
    }
    this.#paneStartMs = pane;
    this.#paneEndMs = pane + this.#layout.paneMs;
    return true;
  }

  /** Returns both in one; nobody else holds the part. */
  #merge(accumulator: unknown, part: unknown): unknown {
    if (accumulator === undefined) return part;
    const replaced: unknown = this.#spec.aggregate.merge(accumulator, part);
    return replaced === undefined ? accumulator : replaced;
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    this.#start();
    while (this.#firing !== undefined || this.#hasDue(watermarkMs)) {
      this.#firing ??= this.#createFiring(this.#pendingEnds.first());
      if (!this.#firing.step(shouldPause)) return false;
      this.#pendingEnds.remove(this.#firing.endMs);
      this.#firing = undefined;
    }
    if (watermarkMs > this.#watermarkMs) {
      this.#watermarkMs = watermarkMs;
      this.#dropExpiredPanes();
    }
    return true;
  }

  /** At the end of input the watermark is as infinite as the end that is not there. */
  #hasDue(watermarkMs: number): boolean {
    const end = this.#pendingEnds.first();
    return end !== Infinity && end - 1 <= watermarkMs;
  }

  /** Takes over what was restored: the state is complete with the first call of this attempt. */
  #start(): Opened {
    assert(this.#opened !== undefined, "a window operator was used before open");
    if (this.#isRestored) return this.#opened;
    this.#isRestored = true;
    this.#watermarkMs = this.#opened.context.currentWatermarkMs();
    for (const pane of this.#opened.panes.panes()) {
      if (this.#isExpired(pane)) this.#opened.panes.dropPane(pane);
      else this.#learnPane(pane);
    }
    return this.#opened;
  }

  #learnPane(pane: number): void {
    this.#knownPanes.add(pane);
    const { slideMs } = this.#layout;
    const lastEnd = lastWindowEnd(this.#layout, pane);
    for (let end = firstWindowEnd(this.#layout, pane); end <= lastEnd; end += slideMs) {
      if (end - 1 > this.#watermarkMs) this.#pendingEnds.add(end);
    }
  }

  #isExpired(pane: number): boolean {
    const lastEnd = lastWindowEnd(this.#layout, pane);
    return lastEnd - 1 + this.#spec.allowedLatenessMs <= this.#watermarkMs;
  }

  #dropExpiredPanes(): void {
    for (const pane of this.#knownPanes) {
      if (!this.#isExpired(pane)) continue;
      this.#knownPanes.delete(pane);
      if (pane === this.#paneStartMs) this.#paneStartMs = Number.NaN;
      this.#start().panes.dropPane(pane);
    }
  }

  /** Fires again, for the current key, the windows that have fired and may still take records. */
  #fireLate(pane: number): void {
    const { slideMs } = this.#layout;
    const lastEnd = lastWindowEnd(this.#layout, pane);
    const { allowedLatenessMs } = this.#spec;
    for (let end = firstWindowEnd(this.#layout, pane); end <= lastEnd; end += slideMs) {
      const hasFired = end - 1 <= this.#watermarkMs;
      const isOpen = end - 1 + allowedLatenessMs > this.#watermarkMs;
      if (hasFired && isOpen) this.#createFiring(end).fireCurrentKey();
    }
  }

  #createFiring(endMs: number): WindowFiring {
    const { keyed, panes, emitter } = this.#start();
    return new WindowFiring({
      keyed,
      panes,
      emitter,
      spec: this.#spec,
      layout: this.#layout,
      endMs,
    });
  }
}
