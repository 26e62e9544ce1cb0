import {
  firstWindowEnd,
  isCombined,
  paneLayoutOf,
  paneOf,
  type OperatorSpec,
  type PaneLayout,
  type ReduceSpec,
  type UserFunction,
  type WindowSpec,
} from "@millrace/graph";

import { PartialAggregate } from "./partial.ts";

/** How records of one key become one before they reach their operator; of one sender. */
export interface Combining {
  /** Returns what a first record comes to. */
  readonly create: UserFunction;
  /** `(value, record)`: changes the value and returns nothing, or returns the next one. */
  readonly add: UserFunction;
  readonly panes: PaneCursor;
}

/** Which records may be folded together, and how long they may be held. */
export interface PaneCursor {
  /** Sets the fields to those of a record with this event time. */
  moveTo(timestampMs: number): void;
  /** Records are folded with others of their pane only; not finite without event time. */
  readonly pane: number;
  /** What is held of the record leaves before a watermark of this; NaN without event time. */
  readonly dueMs: number;
  /** Whether a record that is due already goes on by itself: it may be late for its window. */
  readonly sendsDueAlone: boolean;
}

/** Returns how a sender may fold records for the operator; undefined if it may not. */
export function combiningOf(spec: OperatorSpec): Combining | undefined {
  if (!isCombined(spec)) return undefined;
  if (spec.kind === "reduce") {
    return { create: spec.create, add: spec.add, panes: new RunningPanes() };
  }
  return spec.kind === "window" ? combiningOfWindow(spec) : undefined;
}

function combiningOfWindow({ assigner, aggregate }: WindowSpec): Combining {
  const { create, add } = aggregate;
  return {
    create: (record: unknown) => {
      const accumulator: unknown = create();
      const replaced: unknown = add(accumulator, record);
      return replaced === undefined ? accumulator : replaced;
    },
    add,
    panes: new WindowPanes(paneLayoutOf(assigner)),
  };
}

/**
 * A running result carries the event time of its records into what follows, where it must not be
 * late: so nothing that is held is passed by a watermark at or behind its event time.
 */
class RunningPanes implements PaneCursor {
  readonly sendsDueAlone = false;
  readonly pane = 0;
  dueMs = 0;

  moveTo(timestampMs: number): void {
    this.dueMs = timestampMs;
  }
}

/**
 * A window looks at its records first when it fires: only the watermark that fires the earliest
 * window of a pane has to wait for what is held, all earlier ones may pass it.
 */
class WindowPanes implements PaneCursor {
  readonly sendsDueAlone = true;
  readonly #layout: PaneLayout;
  pane = Number.NaN;
  dueMs = Number.NaN;

  constructor(layout: PaneLayout) {
    this.#layout = layout;
  }

  moveTo(timestampMs: number): void {
    if (timestampMs >= this.pane && timestampMs < this.pane + this.#layout.paneMs) return;
    this.pane = paneOf(this.#layout, timestampMs);
    this.dueMs = firstWindowEnd(this.#layout, this.pane) - 1;
  }
}

/** Returns the spec of a running aggregate whose records may also be partials. */
export function withPartials(spec: ReduceSpec): ReduceSpec {
  const { create, add, merge } = spec;
  if (merge === undefined) return spec;
  return {
    ...spec,
    create: (record: unknown): unknown =>
      record instanceof PartialAggregate ? record.value : create(record),
    add: (value: unknown, record: unknown): unknown =>
      record instanceof PartialAggregate ? merge(value, record.value) : add(value, record),
  };
}
