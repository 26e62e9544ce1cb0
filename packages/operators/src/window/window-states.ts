import { assert, identityOf, ownKey, type KeyIdentity } from "@millrace/core";
import type { StateSpec } from "@millrace/graph";
import type { MapState, ValueState } from "@millrace/state";

import { createStateHandle, type StateHandle, type StateTables } from "../process/state-handles.ts";
import type { StoredWindow } from "./window-state.ts";

/**
 * The states that an author declares for each window of a key (Flink's windowState). They lie in the
 * window itself: so they are stored with it and gone with it, and nothing else has to be cleared.
 *
 * I1 What is read and written belongs to the window that was looked at last, in the same turn.
 */
export class WindowStates implements StateTables {
  readonly handles: Readonly<Record<string, StateHandle>>;
  #window: StoredWindow | undefined;

  constructor(operatorName: string, specs: Readonly<Record<string, StateSpec>> = {}) {
    this.handles = Object.fromEntries(
      Object.entries(specs).map(([name, spec]) => {
        const path = `windowState.${name}`;
        const declared = { operatorName, name, path, spec, ttl: undefined };
        return [name, createStateHandle(this, declared)] as const;
      }),
    );
  }

  /** The window is part of a cell that may be changed now. */
  lookAt(window: StoredWindow): void {
    this.#window = window;
  }

  valueState(name: string): ValueState<unknown> {
    return new OwnValue(() => this.#looked(), name);
  }

  mapState(name: string): MapState<unknown, unknown> {
    return new OwnMap(this.valueState(name));
  }

  #looked(): StoredWindow {
    assert(this.#window !== undefined, "a window's state was asked for before there was a window");
    return this.#window;
  }
}

/** A value under its name in the window; its own cell. */
class OwnValue implements ValueState<unknown> {
  readonly #window: () => StoredWindow;
  readonly #name: string;

  constructor(window: () => StoredWindow, name: string) {
    this.#window = window;
    this.#name = name;
  }

  get(): unknown {
    return this.value;
  }

  set(value: unknown): void {
    this.value = value;
  }

  clear(): void {
    this.#window().own?.delete(this.#name);
  }

  cellForUpdate(): { value: unknown } {
    return this;
  }

  get value(): unknown {
    return this.#window().own?.get(this.#name);
  }

  set value(value: unknown) {
    const window = this.#window();
    window.own ??= new Map();
    window.own.set(this.#name, value);
  }
}

interface OwnEntry {
  readonly key: unknown;
  readonly value: unknown;
}

/** A map as one value: windows are small. Keys are compared by what they say. */
class OwnMap implements MapState<unknown, unknown> {
  readonly #state: ValueState<unknown>;

  constructor(state: ValueState<unknown>) {
    this.#state = state;
  }

  get(key: unknown): unknown {
    return this.#read()?.get(identityOf(key))?.value;
  }

  has(key: unknown): boolean {
    return this.#read()?.has(identityOf(key)) === true;
  }

  set(key: unknown, value: unknown): void {
    const entries = this.#read() ?? new Map<KeyIdentity, OwnEntry>();
    entries.set(identityOf(key), { key: ownKey(key), value });
    this.#state.set(entries);
  }

  delete(key: unknown): void {
    const entries = this.#read();
    entries?.delete(identityOf(key));
    if (entries?.size === 0) this.#state.clear();
  }

  clear(): void {
    this.#state.clear();
  }

  isEmpty(): boolean {
    return this.#read() === undefined;
  }

  *entries(): Iterable<readonly [unknown, unknown]> {
    for (const { key, value } of this.#read()?.values() ?? []) yield [key, value];
  }

  #read(): Map<KeyIdentity, OwnEntry> | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is stored under its name
    return this.#state.get() as Map<KeyIdentity, OwnEntry> | undefined;
  }
}
