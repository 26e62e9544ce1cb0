import { canonicalJson, type JsonValue } from "@millrace/core";

import type { JobGraph, PlannedOperator } from "./job-graph.ts";
import { greatestCommonDivisor } from "./panes.ts";

/**
 * Returns why the state of one of the operators does not fit the operator of that name in the new plan,
 * and what to do; undefined if all fit. Compares what plans say: kinds, how windows lie, bounds of
 * joins, declared states. What only functions say, such as the shape of values, it does not see.
 */
export function findPlanConflict(
  before: JobGraph,
  after: JobGraph,
  storedOperators: ReadonlySet<string>,
): string | undefined {
  const known = new Map(operatorsOf(before).map((operator) => [operator.name, operator]));
  for (const operator of operatorsOf(after)) {
    const old = storedOperators.has(operator.name) ? known.get(operator.name) : undefined;
    const conflict = old === undefined ? undefined : conflictOf(old, operator);
    if (conflict !== undefined) return conflict;
  }
  return undefined;
}

function operatorsOf({ vertices }: JobGraph): readonly PlannedOperator[] {
  return vertices.flatMap(({ operators }) => operators);
}

function conflictOf(before: PlannedOperator, after: PlannedOperator): string | undefined {
  const { name } = after;
  if (before.kind !== after.kind) return describe(name, "kind", [before.kind, after.kind]);
  const planned = layoutOf(after);
  for (const [what, stored] of Object.entries(layoutOf(before))) {
    const own = planned[what] ?? null;
    if (toText(own) !== toText(stored)) return describe(name, what, [stored, own]);
  }
  return findStateConflict(before, after);
}

function describe(
  name: string,
  what: string,
  [before, after]: readonly [JsonValue, JsonValue],
): string {
  return (
    `operator ${name} has the ${what} ${toText(before)} in the checkpoint and ${toText(after)} in the new job, ` +
    "and its state is laid out for the former: keep it as it was, or give the operator another name and " +
    "leave that state behind with --allow-dropped-state"
  );
}

type Fields = Readonly<Record<string, JsonValue>>;

/** What an operator's state is laid out by; of the kinds that are not here, by nothing in the plan. */
const layouts: Partial<Record<PlannedOperator["kind"], (options: Fields) => Fields>> = {
  source: (options) => pick(options, ["connector"]),
  sink: (options) => pick(options, ["connector"]),
  window: ({ assigner = null }) => ({ windows: assigner }),
  "general-window": generalWindowLayout,
  "count-window": ({ assigner }) => {
    const { size, slide } = fieldsOf(assigner);
    return { "panes of records": greatestCommonDivisor(Number(size), Number(slide)) };
  },
  join: joinLayout,
  table: (options) => pick(options, ["order"]),
};

function layoutOf({ kind, options }: PlannedOperator): Fields {
  return layouts[kind]?.(fieldsOf(options)) ?? {};
}

/** Each window is stored with its own bounds, so sizes and gaps may change; its contents may not. */
function generalWindowLayout({ assigner, trigger, evictor }: Fields): Fields {
  const { kind = null, time = "event" } = fieldsOf(assigner);
  const { kind: triggerKind = null, of } = fieldsOf(trigger);
  return {
    "kind of windows": kind,
    "time of windows": time,
    trigger: triggerKind === "purging" ? (fieldsOf(of)["kind"] ?? null) : triggerKind,
    evictor: evictor === undefined ? "none" : "one",
  };
}

/** Records of an interval join lie in buckets by its bounds, and are dropped by them. */
function joinLayout(options: Fields): Fields {
  const { type } = options;
  if (type === "interval") return pick(options, ["type", "lowerMs", "upperMs", "mode"]);
  if (type === "tables") return pick(options, ["type", "mode", "orders"]);
  return pick(options, type === "lookup" ? ["type", "order"] : ["type"]);
}

/** Where operators declare states: process functions, and functions over windows. */
const declarations = ["state", "windowState", "globalState"] as const;

/** Of the states that both declare; one that is declared no more stays in the checkpoints. */
function findStateConflict(before: PlannedOperator, after: PlannedOperator): string | undefined {
  for (const declaration of declarations) {
    const planned = fieldsOf(fieldsOf(after.options)[declaration]);
    const stored = fieldsOf(fieldsOf(before.options)[declaration]);
    for (const state of Object.keys(stored)) {
      const change = findChange(fieldsOf(stored[state]), fieldsOf(planned[state]));
      if (change === undefined) continue;
      return `state ${state} of operator ${after.name} has the ${change}, and nothing converts it: give the state another name`;
    }
  }
  return undefined;
}

function findChange(before: Fields, after: Fields): string | undefined {
  return (
    changeOf("kind", before["kind"], after["kind"]) ??
    changeOf("version", before["version"], after["version"]) ??
    changeOf("time to live by", timeOf(before), timeOf(after))
  );
}

/** By which time it expires; of states that never do, nothing: what is stored fits both. */
function timeOf({ ttl }: Fields): JsonValue | undefined {
  return ttl === undefined ? undefined : fieldsOf(ttl)["by"];
}

function changeOf(
  what: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): string | undefined {
  if (before === undefined || after === undefined || before === after) return undefined;
  return `${what} ${toText(before)} in the checkpoint and ${toText(after)} in the new job`;
}

function fieldsOf(value: JsonValue | undefined): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is left of JSON is an object
  return value as Fields;
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, fields[name] ?? null]));
}

function toText(value: JsonValue): string {
  return typeof value === "string" ? value : canonicalJson(value);
}
