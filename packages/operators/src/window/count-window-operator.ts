import { assert } from "@millrace/core";
import { greatestCommonDivisor, type CountWindowSpec } from "@millrace/graph";
import type { KeyedBackend, ValueState } from "@millrace/state";

import type { Operator, OperatorContext } from "../operator.ts";
import { WindowEmitter } from "./window-emitter.ts";
import { allOfTime } from "./window-state.ts";

/** Returns the operator for windows of a number of records (Flink's countWindow). */
export function createCountWindowOperator(spec: CountWindowSpec): Operator {
  return new CountWindowOperator(spec);
}

/** What is stored of a key: panes of records that came one after the other, the last one open. */
interface CountedPanes {
  readonly panes: CountPane[];
  /** Records in the last pane. */
  inPane: number;
  /** Records since the last window. */
  sinceFiring: number;
}

interface CountPane {
  contents: unknown;
  /** The greatest event time of its records. */
  newestMs: number;
}

/**
 * I1 After each `slide` records of a key a window of its last `size` fires, of fewer as long as there
 *    are no more. Records count in the order in which they arrive; none is late.
 * I2 A pane is as long as the greatest common divisor of size and slide; each record is added once.
 * I3 What is not a whole slide at the end of input fires nothing.
 */
class CountWindowOperator implements Operator {
  readonly #spec: CountWindowSpec;
  readonly #paneLength: number;
  #opened:
    | {
        readonly keyed: KeyedBackend;
        readonly state: ValueState<CountedPanes>;
        readonly emitter: WindowEmitter;
      }
    | undefined;

  constructor(spec: CountWindowSpec) {
    this.#spec = spec;
    this.#paneLength = greatestCommonDivisor(spec.assigner.size, spec.assigner.slide);
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const emitter = new WindowEmitter(context, keyed, this.#spec.aggregate);
    this.#opened = { keyed, state: keyed.valueState("panes"), emitter };
  }

  onRecord(record: unknown, timestampMs: number): void {
    assert(this.#opened !== undefined, "a window operator was used before open");
    const { state } = this.#opened;
    const { aggregate, assigner } = this.#spec;
    const cell = state.cellForUpdate();
    cell.value ??= { panes: [], inPane: this.#paneLength, sinceFiring: 0 };
    const counted = cell.value;
    if (counted.inPane === this.#paneLength) {
      counted.panes.push({ contents: aggregate.create(), newestMs: -Infinity });
      counted.inPane = 0;
    }
    const pane = counted.panes.at(-1);
    assert(pane !== undefined, "the last pane is open");
    const replaced: unknown = aggregate.add(pane.contents, record);
    if (replaced !== undefined) pane.contents = replaced;
    pane.newestMs = Math.max(pane.newestMs, timestampMs);
    counted.inPane += 1;
    counted.sinceFiring += 1;
    if (counted.sinceFiring < assigner.slide) return;
    counted.sinceFiring = 0;
    this.#fire(counted.panes);
    const keptCount = (assigner.size - assigner.slide) / this.#paneLength;
    counted.panes.splice(0, Math.max(0, counted.panes.length - keptCount));
    if (counted.panes.length === 0) state.clear();
  }

  /** Emits what the panes come to: state is copied, unless it goes right after. */
  #fire(panes: readonly CountPane[]): void {
    assert(this.#opened !== undefined, "a window operator was used before open");
    const { create, merge } = this.#spec.aggregate;
    const { size, slide } = this.#spec.assigner;
    let newestMs = -Infinity;
    // A window that shares no records has one pane, which goes right after.
    const isShared = size > slide;
    let contents: unknown = isShared ? create() : panes[0]?.contents;
    for (const pane of panes) {
      newestMs = Math.max(newestMs, pane.newestMs);
      const replaced: unknown = isShared ? merge(contents, pane.contents) : undefined;
      if (replaced !== undefined) contents = replaced;
    }
    this.#opened.emitter.emit(contents, allOfTime, newestMs);
  }
}
