import { assert, assertNever, type JsonValue } from "@millrace/core";

import type { AsyncSpec } from "./async-spec.ts";
import { combiningVersion, isCombined } from "./combining.ts";
import { generalWindowOptions } from "./general-window.ts";
import type { PlannedOperator } from "./job-graph.ts";
import type { JoinSpec } from "./join-spec.ts";
import { hasStateKind, isKeyedKind, isVirtual, type PhysicalSpec } from "./operator-kind.ts";
import type { ProcessSpec, SourceSpec, StreamNode, WindowSpec } from "./stream-graph.ts";
import type { WatermarkSpec } from "./watermark-spec.ts";
import { stateOptions, windowStateOptions } from "./window-state-options.ts";

/** Returns the node as it stands in the plan: without functions, options as plain JSON. */
export function planOperator(node: StreamNode): PlannedOperator {
  const { spec } = node;
  assert(!isVirtual(spec), `node ${node.name} is virtual: it is not an operator of the plan`);
  return {
    name: node.name,
    nodeId: node.id,
    kind: spec.kind,
    isKeyed: isKeyedKind(spec.kind),
    hasState: hasStateKind(spec.kind),
    ...alignmentOf(spec),
    options: optionsOf(spec),
  };
}

function alignmentOf(spec: PhysicalSpec): Pick<PlannedOperator, "alignment"> {
  const alignment = spec.kind === "source" ? spec.watermarks?.alignment : undefined;
  return alignment === undefined ? {} : { alignment };
}

function optionsOf(spec: PhysicalSpec): JsonValue {
  switch (spec.kind) {
    case "source":
      return sourceOptions(spec);
    case "sink": {
      const { connector, options, guarantee } = spec.connector;
      return { connector, options, guarantee };
    }
    case "window":
      return windowOptions(spec);
    case "general-window":
      return generalWindowOptions(spec);
    case "count-window":
      return { assigner: { ...spec.assigner }, ...windowStateOptions(spec.aggregate) };
    case "process":
      return processOptions(spec);
    case "async-map":
      return asyncOptions(spec);
    case "join":
      return joinOptions(spec);
    case "table":
      return { order: spec.order };
    case "broadcast-process":
      return { broadcastState: spec.broadcastState };
    case "keyed-broadcast-process":
      return { ...processOptions(spec), broadcastState: spec.broadcastState };
    case "print":
      return { label: spec.label };
    case "map":
    case "filter":
    case "flat-map":
    case "plain-process":
      return null;
    case "reduce":
      return isCombined(spec) ? { combining: combiningVersion } : null;
    default:
      return assertNever(spec);
  }
}

function sourceOptions({ connector, watermarks, rateLimit }: SourceSpec): JsonValue {
  return {
    connector: connector.connector,
    options: connector.options,
    canReplay: connector.canReplay,
    ...(watermarks === undefined ? {} : { watermarks: watermarkOptions(watermarks) }),
    ...(connector.isBounded === false ? { isBounded: false } : {}),
    ...(rateLimit === undefined ? {} : { rateLimit }),
  };
}

function watermarkOptions({
  outOfOrdernessMs,
  generator,
  idleAfterMs,
}: WatermarkSpec): Readonly<Record<string, JsonValue>> {
  return {
    ...(generator === undefined ? { outOfOrdernessMs } : { isGenerated: true }),
    ...(idleAfterMs === undefined ? {} : { idleAfterMs }),
  };
}

function windowOptions(spec: WindowSpec): JsonValue {
  return {
    assigner: { ...spec.assigner },
    allowedLatenessMs: spec.allowedLatenessMs,
    ...(spec.lateTag === undefined ? {} : { lateTag: spec.lateTag }),
    ...(isCombined(spec) ? { combining: combiningVersion } : {}),
    ...(spec.aggregate.addSecond === undefined ? {} : { inputs: 2 }),
    ...windowStateOptions(spec.aggregate),
  };
}

function asyncOptions(spec: AsyncSpec): JsonValue {
  const { timeoutMs, retry, failuresTo, circuitBreaker } = spec;
  return {
    isFlat: spec.isFlat,
    isOrdered: spec.isOrdered,
    capacity: spec.capacity,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retry === undefined
      ? {}
      : {
          retry: {
            maxAttempts: retry.maxAttempts,
            initialDelayMs: retry.initialDelayMs,
            maxDelayMs: retry.maxDelayMs,
          },
        }),
    ...(failuresTo === undefined ? {} : { failuresTo }),
    ...(circuitBreaker === undefined
      ? {}
      : { circuitBreaker: { ...circuitBreaker, trip: { ...circuitBreaker.trip } } }),
  };
}

/** All but the functions. */
function joinOptions(spec: JoinSpec): JsonValue {
  const { type, mode } = spec;
  switch (type) {
    case "interval": {
      const { kind: _kind, join: _join, ...options } = spec;
      return options;
    }
    case "tables":
      return { type, mode, orders: [spec.left.order, spec.right.order] };
    case "lookup":
      return { type, mode, order: spec.right.order };
    case "temporal":
      return { type, mode };
    default:
      return assertNever(type);
  }
}

function processOptions({
  state,
  onSecond,
  onTimer,
}: Omit<ProcessSpec, "kind">): Readonly<Record<string, JsonValue>> {
  return {
    state: stateOptions(state),
    hasTimers: onTimer !== undefined,
    ...(onSecond === undefined ? {} : { inputs: 2 }),
  };
}
