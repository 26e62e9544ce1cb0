import { assert, type Barrier, type JsonValue } from "@millrace/core";
import type { BroadcastProcessSpec, KeyedBroadcastProcessSpec } from "@millrace/graph";

import { createAuthorOutput, type AuthorOutput } from "./author-output.ts";
import { OperatorStateStore, type BroadcastHandle } from "./operator-state-store.ts";
import { operatorStateEntry, RestoredOperatorState } from "./operator-state.ts";
import type { Operator, OperatorContext } from "./operator.ts";
import { createProcessOperator, type ApplyToState, type KeyedProcess } from "./process.ts";
import { badCall } from "./process/state-handles.ts";

/** Returns the operator over records, with or without keys, and what is broadcast beside them. */
export function createBroadcastProcessOperator(
  spec: BroadcastProcessSpec | KeyedBroadcastProcessSpec,
): Operator {
  const states = new BroadcastStates(spec.broadcastState);
  if (spec.kind === "broadcast-process") {
    return new BroadcastProcessOperator(spec, { states, main: new PlainMain(spec, states) });
  }
  const main = createProcessOperator(withBroadcastState(spec, states));
  return new BroadcastProcessOperator(spec, { states, main, keyedMain: main });
}

type Readable = Pick<BroadcastHandle, "get" | "has" | "entries" | "size">;

/** The states that are the same in all subtasks, as either side sees them. */
class BroadcastStates {
  /** For the broadcast side. */
  readonly writable: Record<string, BroadcastHandle> = {};
  /** For the other side: there is nothing to change them with. */
  readonly readable: Record<string, Readable> = {};
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  bind(store: OperatorStateStore): void {
    for (const name of this.#names) {
      const handle = store.broadcast(name);
      this.writable[name] = handle;
      this.readable[name] = {
        get: (key) => handle.get(key),
        has: (key) => handle.has(key),
        entries: () => handle.entries(),
        get size() {
          return handle.size;
        },
      };
    }
  }
}

/** Records without keys. */
class PlainMain implements Pick<Operator, "open" | "onRecord" | "advanceWatermark"> {
  readonly #spec: BroadcastProcessSpec;
  readonly #states: BroadcastStates;
  #author: (AuthorOutput & { readonly broadcastState: unknown }) | undefined;

  constructor(spec: BroadcastProcessSpec, states: BroadcastStates) {
    this.#spec = spec;
    this.#states = states;
  }

  open(context: OperatorContext): void {
    const broadcastState = this.#states.readable;
    this.#author = Object.assign(createAuthorOutput(context), { broadcastState });
  }

  onRecord(value: unknown, timestampMs: number): void {
    const author = this.#author;
    assert(author !== undefined, "a broadcast process was used before open");
    author.timestamp = timestampMs;
    this.#spec.onRecord(value, author);
  }
}

/** The author's functions get the process's own context, with the state beside it. */
function withBroadcastState(
  spec: KeyedBroadcastProcessSpec,
  states: BroadcastStates,
): Parameters<typeof createProcessOperator>[0] {
  const { kind: _kind, broadcastState: _names, onBroadcast: _onBroadcast, ...process } = spec;
  let extended: object | undefined;
  // One context serves all calls of a process; what it holds shows through.
  const extend = (context: object): object => {
    extended ??= Object.assign(Object.create(context), { broadcastState: states.readable });
    return extended ?? context;
  };
  const { onRecord, onTimer } = process;
  return {
    ...process,
    kind: "process",
    onRecord: (record, context: object) => onRecord(record, extend(context)),
    ...(onTimer === undefined
      ? {}
      : { onTimer: (timeMs, context: object) => onTimer(timeMs, extend(context)) }),
  };
}

/** What the function of the broadcast side gets; one object for all its records. */
type BroadcastAuthor = AuthorOutput & {
  readonly broadcastState: unknown;
  readonly applyToKeyedState: (stateName: string, apply: ApplyToState) => void;
};

interface Opened {
  readonly context: OperatorContext;
  readonly author: BroadcastAuthor;
}

interface Parts {
  readonly states: BroadcastStates;
  /** What runs the records of the other side. */
  readonly main: Operator;
  /** The same, where they have keys. */
  readonly keyedMain?: KeyedProcess;
}

/**
 * Flink's broadcast state pattern.
 *
 * I1 Only the broadcast side can change the state, and each of its records comes to all subtasks: at a
 *    barrier all hold the same, if their functions do the same.
 * I2 One subtask stores it; all restore it, at any parallelism.
 * I3 From the broadcast side keyed state is reached through `applyToKeyedState` only, for all keys of the
 *    subtask: together, over all subtasks, each key once.
 */
class BroadcastProcessOperator implements Operator {
  readonly #spec: BroadcastProcessSpec | KeyedBroadcastProcessSpec;
  readonly #states: BroadcastStates;
  readonly #main: Operator;
  readonly #keyedMain: KeyedProcess | undefined;
  #isApplying = false;
  readonly finish: (() => Promise<void>) | undefined;
  readonly letGo: (() => Promise<void>) | undefined;
  #open: Opened | undefined;
  #store: OperatorStateStore | undefined;

  constructor(
    spec: BroadcastProcessSpec | KeyedBroadcastProcessSpec,
    { states, main, keyedMain }: Parts,
  ) {
    this.#spec = spec;
    this.#states = states;
    this.#main = main;
    this.#keyedMain = keyedMain;
    const { finish, letGo } = main;
    this.finish = finish === undefined ? undefined : () => finish();
    this.letGo = letGo === undefined ? undefined : () => letGo();
  }

  open(context: OperatorContext): void {
    this.#main.open(context);
    const broadcastState = this.#states.writable;
    const applyToKeyedState: BroadcastAuthor["applyToKeyedState"] = (stateName, apply) => {
      this.#applyToKeyedState(stateName, apply);
    };
    const output = createAuthorOutput(context);
    const author = Object.assign(output, { broadcastState, applyToKeyedState });
    this.#open = { context, author };
  }

  restoreList(entries: readonly JsonValue[]): Promise<void> {
    const { context } = this.#opened();
    const restored = new RestoredOperatorState(entries, context.operatorName, context);
    const store = new OperatorStateStore(context.operatorName, restored);
    this.#store = store;
    this.#states.bind(store);
    return Promise.resolve();
  }

  onRecord(value: unknown, timestampMs: number): void {
    this.#main.onRecord(value, timestampMs);
  }

  /** What was broadcast. */
  onSecond(value: unknown, timestampMs: number): void {
    const { author } = this.#opened();
    author.timestamp = timestampMs;
    this.#spec.onBroadcast(value, author);
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    return this.#main.advanceWatermark?.(watermarkMs, shouldPause) ?? true;
  }

  nextProcessingTimeMs(): number {
    return this.#main.nextProcessingTimeMs?.() ?? Infinity;
  }

  advanceProcessingTime(nowMs: number, shouldPause: () => boolean): boolean {
    return this.#main.advanceProcessingTime?.(nowMs, shouldPause) ?? true;
  }

  async start(isRestored: boolean): Promise<void> {
    await this.#main.start?.(isRestored);
  }

  /** Not async: all of it belongs to the barrier. */
  prepareSnapshot(_barrier: Barrier): Promise<readonly JsonValue[]> {
    const { context } = this.#opened();
    const states = this.#store?.cut(context.subtaskIndex === 0) ?? [];
    try {
      const cut = { isEnded: false, states };
      return Promise.resolve([operatorStateEntry(context.operatorName, context, cut)]);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #applyToKeyedState(stateName: string, apply: ApplyToState): void {
    const { context, author } = this.#opened();
    if (this.#isApplying) {
      // The inner one would change the outer one's current key.
      throw badCall(context.operatorName, "applyToKeyedState was called within applyToKeyedState");
    }
    this.#isApplying = true;
    try {
      this.#keyedMain?.applyToKeyedState(stateName, author.timestamp, apply);
    } finally {
      this.#isApplying = false;
    }
  }

  #opened(): Opened {
    assert(this.#open !== undefined, "a broadcast process was used before open");
    return this.#open;
  }
}
