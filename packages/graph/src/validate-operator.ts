import { assertNever, isOperatorName, type JsonValue } from "@millrace/core";

import { findNonJson } from "./find-non-json.ts";
import { invalidJob } from "./invalid-job.ts";
import type { SourceSpec, StreamGraph, StreamNode } from "./stream-graph.ts";
import { validateAsync } from "./validate-async.ts";
import { validateBroadcast } from "./validate-broadcast.ts";
import { validateEventTime } from "./validate-event-time.ts";
import { validateJoin } from "./validate-join.ts";
import { validateProcess } from "./validate-process.ts";
import { validateCountWindow, validateGeneralWindow, validateWindow } from "./validate-window.ts";

/** Throws `job-module-invalid` if the operator's own options cannot run. */
export function validateOperator(graph: StreamGraph, node: StreamNode): void {
  const { spec } = node;
  switch (spec.kind) {
    case "source":
      validateOptions(node, spec.connector.options);
      validateSource(node, spec);
      return;
    case "sink":
      validateOptions(node, spec.connector.options);
      return;
    case "window":
      validateWindow(graph, node, spec);
      return;
    case "general-window":
      validateGeneralWindow(graph, node, spec);
      return;
    case "count-window":
      validateCountWindow(graph, node, spec);
      return;
    case "async-map":
      validateAsync(node, spec);
      return;
    case "process":
      validateProcess(graph, node, spec);
      return;
    case "join":
      validateJoin(node, spec);
      if (spec.type === "interval" || spec.type === "temporal") {
        validateEventTime(graph, node, "a join needs event time");
      }
      return;
    case "broadcast-process":
    case "keyed-broadcast-process":
      validateBroadcast(graph, node, spec.broadcastState);
      if (spec.kind === "keyed-broadcast-process") {
        validateProcess(graph, node, { ...spec, kind: "process" });
      }
      return;
    case "map":
    case "filter":
    case "flat-map":
    case "key-by":
    case "union":
    case "rebalance":
    case "partition":
    case "side-output":
    case "reduce":
    case "table":
    case "plain-process":
    case "print":
      return;
    default:
      assertNever(spec);
  }
}

function validateOptions(node: StreamNode, options: JsonValue): void {
  const problem = findNonJson(options);
  if (problem === undefined) return;
  throw invalidJob(
    `operator ${node.name}: the options of its connector go into the plan as JSON, but ${problem}: give plain values`,
  );
}

function validateSource(node: StreamNode, { connector, watermarks, rateLimit }: SourceSpec): void {
  if (rateLimit !== undefined && !(rateLimit > 0 && Number.isFinite(rateLimit))) {
    throw invalidJob(
      `operator ${node.name}: rateLimit ${rateLimit} is not a number of records per second above 0`,
    );
  }
  const { rediscoverMs } = connector;
  if (rediscoverMs !== undefined && !(rediscoverMs > 0 && Number.isFinite(rediscoverMs))) {
    throw invalidJob(
      `operator ${node.name}: its connector's rediscoverMs ${rediscoverMs} is not a number of milliseconds above 0`,
    );
  }
  const idleAfterMs = watermarks?.idleAfterMs;
  if (idleAfterMs !== undefined && !(idleAfterMs > 0 && Number.isFinite(idleAfterMs))) {
    throw invalidJob(
      `operator ${node.name}: idleAfter ${idleAfterMs} ms is not a length of time above 0: give it as "30 seconds"`,
    );
  }
  const { group, maxDriftMs = 1 } = watermarks?.alignment ?? {};
  if (group !== undefined && !(isOperatorName(group) && maxDriftMs > 0 && maxDriftMs < Infinity)) {
    throw invalidJob(
      `operator ${node.name}: its alignment is of group ${JSON.stringify(group)} with maxDrift ${maxDriftMs} ms: give a name and a length of time above 0`,
    );
  }
  const bound = watermarks?.outOfOrdernessMs ?? 0;
  if (!(bound >= 0 && Number.isFinite(bound))) {
    throw invalidJob(
      `operator ${node.name}: outOfOrderness ${bound} ms is not a length of time: give it as "10 minutes"`,
    );
  }
}
