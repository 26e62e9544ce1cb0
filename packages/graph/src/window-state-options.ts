import type { JsonValue } from "@millrace/core";

import type { StateSpec } from "./state-spec.ts";
import type { WindowSpec } from "./stream-graph.ts";

type States = Readonly<Record<string, StateSpec>>;

/** Returns the part of the plan that says what a function over windows keeps; empty where it keeps nothing. */
export function windowStateOptions({
  windowState,
  globalState,
}: WindowSpec["aggregate"]): Readonly<Record<string, JsonValue>> {
  return {
    ...(windowState === undefined ? {} : { windowState: stateOptions(windowState) }),
    ...(globalState === undefined ? {} : { globalState: stateOptions(globalState) }),
  };
}

/** Returns the states by name, without their functions. */
export function stateOptions(states: States): Readonly<Record<string, JsonValue>> {
  const declared = Object.entries(states).map(([name, { kind, version, ttl }]) => {
    const options = ttl === undefined ? {} : { ttl: { ...ttl } };
    return [name, { kind, version, ...options }] as const;
  });
  return Object.fromEntries(declared);
}
