import { assert, maxWatermark, type Barrier, type JsonValue } from "@millrace/core";
import type { PlainFunctions, PlainProcessSpec } from "@millrace/graph";

import { createAuthorOutput, type AuthorOutput } from "./author-output.ts";
import { OperatorStateStore, type OperatorStates } from "./operator-state-store.ts";
import { operatorStateEntry, RestoredOperatorState } from "./operator-state.ts";
import type { Operator, OperatorContext } from "./operator.ts";
import { Lifecycle } from "./process/lifecycle.ts";

/** Returns the operator that runs an author's functions over records without keys. */
export function createPlainProcessOperator(spec: PlainProcessSpec): Operator {
  return new PlainProcessOperator(spec);
}

interface Opened {
  readonly context: OperatorContext;
  readonly functions: PlainFunctions;
  readonly author: AuthorOutput;
  readonly lifecycle: Lifecycle<void>;
}

interface Restored {
  readonly store: OperatorStateStore;
  readonly states: OperatorStates;
}

/**
 * Flink's ProcessFunction with CheckpointedFunction.
 *
 * I1 `initializeState` runs once in each attempt, before any record.
 * I2 `snapshotState` and the cut of what it leaves run in one step at the barrier (S8).
 * I3 `close` runs once in each attempt, behind `onEnd` or when the slot is ended.
 * I4 `onEnd` runs behind the last record, once: a restore from behind the end does not repeat it. Where the
 *    operators before it have another parallelism since, a subtask whose input had ended may get some
 *    again, and then it ends again.
 */
class PlainProcessOperator implements Operator {
  readonly #spec: PlainProcessSpec;
  #open: Opened | undefined;
  #restored: Restored | undefined;
  #isEnded = false;

  constructor(spec: PlainProcessSpec) {
    this.#spec = spec;
  }

  open(context: OperatorContext): void {
    const functions = this.#spec.create();
    const { close } = functions;
    const lifecycle = new Lifecycle<void>({ close });
    this.#open = { context, functions, author: createAuthorOutput(context), lifecycle };
  }

  get finish(): (() => Promise<void>) | undefined {
    return this.#opened().lifecycle.finish;
  }

  get letGo(): (() => Promise<void>) | undefined {
    return this.#opened().lifecycle.letGo;
  }

  async restoreList(entries: readonly JsonValue[]): Promise<void> {
    const { context, functions, lifecycle } = this.#opened();
    // What is thrown from here on leaves something to close.
    if (!(await lifecycle.open())) return;
    const { operatorName, subtaskIndex, parallelism } = context;
    const restored = new RestoredOperatorState(entries, operatorName, context);
    const store = new OperatorStateStore(operatorName, restored);
    const states = operatorStatesOf(store);
    this.#restored = { store, states };
    this.#isEnded = restored.isEnded;
    const { isRestored } = restored;
    functions.initializeState?.({ operatorState: states, isRestored, subtaskIndex, parallelism });
  }

  onRecord(value: unknown, timestampMs: number): void {
    const { functions, author } = this.#opened();
    author.timestamp = timestampMs;
    this.#isEnded = false;
    functions.onRecord(value, author);
  }

  advanceWatermark(watermarkMs: number): boolean {
    if (watermarkMs !== maxWatermark || this.#isEnded) return true;
    const { functions, author } = this.#opened();
    this.#isEnded = true;
    author.timestamp = maxWatermark;
    functions.onEnd?.(author);
    return true;
  }

  /** Not async: all of it belongs to the barrier. */
  prepareSnapshot({ checkpointId }: Barrier): Promise<readonly JsonValue[]> {
    const { context, functions } = this.#opened();
    assert(this.#restored !== undefined, "a snapshot was taken before the state was restored");
    const { store, states } = this.#restored;
    try {
      functions.snapshotState?.({ operatorState: states, checkpointId });
      const cut = { isEnded: this.#isEnded, states: store.cut(context.subtaskIndex === 0) };
      return Promise.resolve([operatorStateEntry(context.operatorName, context, cut)]);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #opened(): Opened {
    assert(this.#open !== undefined, "a process operator was used before open");
    return this.#open;
  }
}

function operatorStatesOf(store: OperatorStateStore): OperatorStates {
  return {
    list: (name) => store.list(name, "list"),
    unionList: (name) => store.list(name, "union"),
    broadcast: (name) => store.broadcast(name),
  };
}
