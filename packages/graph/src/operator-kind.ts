import type { PlannedOperator } from "./job-graph.ts";
import type { OperatorSpec } from "./stream-graph.ts";

/** A spec that becomes an operator of its own, not a property of the edges to its consumers. */
export type PhysicalSpec = Extract<OperatorSpec, { readonly kind: PlannedOperator["kind"] }>;

const virtualKinds: ReadonlySet<OperatorSpec["kind"]> = new Set([
  "key-by",
  "union",
  "rebalance",
  "partition",
  "side-output",
]);

const windowKinds: ReadonlySet<OperatorSpec["kind"]> = new Set([
  "window",
  "general-window",
  "count-window",
]);

const keyedKinds: ReadonlySet<OperatorSpec["kind"]> = new Set([
  "reduce",
  "process",
  "join",
  "table",
  "keyed-broadcast-process",
]);

/** Whether the spec only shapes the edges between its inputs and its consumers. */
export function isVirtual(spec: OperatorSpec): spec is Exclude<OperatorSpec, PhysicalSpec> {
  return virtualKinds.has(spec.kind);
}

const sideOutputKinds: ReadonlySet<OperatorSpec["kind"]> = new Set([
  "process",
  "join",
  "async-map",
  "plain-process",
  "broadcast-process",
  "keyed-broadcast-process",
]);

/** Whether the operator may emit to tags, besides its main output. */
export function hasSideOutputs(kind: OperatorSpec["kind"]): boolean {
  return sideOutputKinds.has(kind) || windowKinds.has(kind);
}

/** Whether the operator keeps state by key, so that its input must be a `key-by`. */
export function isKeyedKind(kind: OperatorSpec["kind"]): boolean {
  return keyedKinds.has(kind) || windowKinds.has(kind);
}

/** Whether snapshots hold state of the operator; its name is then the author's. */
export function hasStateKind(kind: OperatorSpec["kind"]): boolean {
  const isOwn = kind === "plain-process" || kind === "broadcast-process" || kind === "async-map";
  return isKeyedKind(kind) || isOwn || kind === "source" || kind === "sink";
}

/**
 * Whether the operator begins a chain. One with keys has a partitioner before it; an async one keeps
 * elements back, watermarks too, which nothing before it in its chain may have fired already when
 * a snapshot is cut.
 */
export function isHeadKind(kind: OperatorSpec["kind"]): boolean {
  return isKeyedKind(kind) || kind === "async-map";
}

/** Whether the operator tells its two inputs apart. */
export function hasTwoInputs(spec: OperatorSpec): boolean {
  if (isBesideBroadcast(spec)) return true;
  if (spec.kind === "process") return spec.onSecond !== undefined;
  if (spec.kind === "window" || spec.kind === "general-window") {
    return spec.aggregate.addSecond !== undefined;
  }
  return spec.kind === "join";
}

/** Whether the second input of the operator is what is broadcast, and so has no key. */
export function isBesideBroadcast(spec: OperatorSpec): boolean {
  return spec.kind === "broadcast-process" || spec.kind === "keyed-broadcast-process";
}

/** Whether nothing may follow the operator. */
export function isTerminalKind(kind: OperatorSpec["kind"]): boolean {
  return kind === "sink" || kind === "print";
}
