import type { StateSpec, UserFunction } from "@millrace/graph";

import type { ListHandle } from "./list-handle.ts";
import type { AddingHandle, MapHandle, ValueHandle } from "./state-handles.ts";

/** Returns what makes of a value what is to be written; throws for one that does not fit. */
export function checkOf({ check }: StateSpec, what: string): UserFunction | undefined {
  return check === undefined ? undefined : (value) => check(value, what);
}

/** Returns the handle of which only checked values are written; as it is without a check. */
export function checkedValue(handle: ValueHandle, check: UserFunction | undefined): ValueHandle {
  if (check === undefined) return handle;
  const set = (value: unknown): void => handle.set(check(value));
  return { ...handle, set, update: (change) => set(change(handle.get())) };
}

export function checkedMap(handle: MapHandle, check: UserFunction | undefined): MapHandle {
  if (check === undefined) return handle;
  const set = (key: unknown, value: unknown): void => handle.set(key, check(value));
  return { ...handle, set, update: (key, change) => set(key, change(handle.get(key))) };
}

/** Of reducing and aggregating states: what is added is checked, not what it comes to. */
export function checkedAdding(handle: AddingHandle, check: UserFunction | undefined): AddingHandle {
  return check === undefined ? handle : { ...handle, add: (value) => handle.add(check(value)) };
}

/** What the author's functions get of a list. */
export type AuthorList = Pick<ListHandle, "get" | "add" | "addAll" | "set" | "clear">;

export function checkedList(handle: ListHandle, check: UserFunction | undefined): AuthorList {
  if (check === undefined) return handle;
  const checkAll = (values: Iterable<unknown>): unknown[] =>
    Array.from(values, (one) => check(one));
  return {
    get: () => handle.get(),
    add: (value) => handle.add(check(value)),
    addAll: (values) => handle.addAll(checkAll(values)),
    set: (values) => handle.set(checkAll(values)),
    clear: () => handle.clear(),
  };
}
