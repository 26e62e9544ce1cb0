import { StreamError } from "@millrace/core";

import type {
  OperatorStateCut,
  OperatorStateMode,
  RestoredOperatorState,
} from "./operator-state.ts";

/** The elements of a list state that this subtask has. */
export interface ListHandle {
  get(): readonly unknown[];
  set(elements: readonly unknown[]): void;
  add(element: unknown): void;
  clear(): void;
}

/** A state that is the same in all subtasks, as a map. */
export interface BroadcastHandle {
  get(key: unknown): unknown;
  has(key: unknown): boolean;
  set(key: unknown, value: unknown): void;
  delete(key: unknown): void;
  clear(): void;
  entries(): Iterable<readonly [unknown, unknown]>;
  readonly size: number;
}

/** What authors get as `ctx.operatorState`. */
export interface OperatorStates {
  list(name: string): ListHandle;
  unionList(name: string): ListHandle;
  broadcast(name: string): BroadcastHandle;
}

interface Registered {
  readonly mode: OperatorStateMode;
  readonly handle: ListHandle | BroadcastHandle;
  readonly elements: () => readonly unknown[];
}

/**
 * The operator state of one subtask (Flink's OperatorStateStore): made by name, restored when it is
 * first asked for.
 *
 * I1 A name has one mode: asked for by another one, it is refused.
 * I2 What nobody has asked for in this attempt is stored again as it was.
 */
export class OperatorStateStore {
  readonly #operatorName: string;
  readonly #restored: RestoredOperatorState;
  readonly #states = new Map<string, Registered>();

  constructor(operatorName: string, restored: RestoredOperatorState) {
    this.#operatorName = operatorName;
    this.#restored = restored;
  }

  list(name: string, mode: "list" | "union"): ListHandle {
    const { handle } = this.#states.get(name) ?? this.#addList(name, mode);
    this.#check(name, mode);
    if ("add" in handle) return handle;
    throw this.#otherMode(name, mode);
  }

  broadcast(name: string): BroadcastHandle {
    const { handle } = this.#states.get(name) ?? this.#addBroadcast(name);
    this.#check(name, "broadcast");
    if ("has" in handle) return handle;
    throw this.#otherMode(name, "broadcast");
  }

  /** Returns what is stored of it; broadcast state by the first subtask alone. */
  cut(isFirst: boolean): readonly OperatorStateCut[] {
    const asked = [...this.#states].map(([name, { mode, elements }]) => ({
      name,
      mode,
      elements: elements(),
    }));
    const others = [...this.#restored.modes()].filter(([name]) => !this.#states.has(name));
    const kept = others.map(([name, mode]) => ({
      name,
      mode,
      // Dealt out, so that it does not become more with each restore.
      elements: this.#restored.elementsOf(name, mode === "union" ? "list" : mode),
    }));
    return [...asked, ...kept].filter(({ mode }) => mode !== "broadcast" || isFirst);
  }

  #addList(name: string, mode: "list" | "union"): Registered {
    let elements = [...this.#restored.elementsOf(name, mode)];
    const handle: ListHandle = {
      get: () => elements,
      set: (all) => {
        elements = [...all];
      },
      add: (element) => {
        elements.push(element);
      },
      clear: () => {
        elements = [];
      },
    };
    return this.#register(name, { mode, handle, elements: () => elements });
  }

  #addBroadcast(name: string): Registered {
    const map = new Map<unknown, unknown>();
    for (const element of this.#restored.elementsOf(name, "broadcast")) {
      if (Array.isArray(element)) map.set(element[0], element[1]);
    }
    const handle: BroadcastHandle = {
      get: (key) => map.get(key),
      has: (key) => map.has(key),
      set: (key, value) => void map.set(key, value),
      delete: (key) => void map.delete(key),
      clear: () => map.clear(),
      entries: () => map.entries(),
      get size() {
        return map.size;
      },
    };
    return this.#register(name, { mode: "broadcast", handle, elements: () => [...map] });
  }

  #register(name: string, registered: Registered): Registered {
    this.#states.set(name, registered);
    return registered;
  }

  #check(name: string, mode: OperatorStateMode): void {
    if (this.#states.get(name)?.mode !== mode) throw this.#otherMode(name, mode);
  }

  #otherMode(name: string, mode: OperatorStateMode): StreamError {
    const before = this.#states.get(name)?.mode;
    return new StreamError(
      "invalid-argument",
      `operator ${this.#operatorName}: operator state ${name} is asked for as ${mode} and was ${before} before: give one of them another name`,
      { domain: "user", retry: "never" },
    );
  }
}
