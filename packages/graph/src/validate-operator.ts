import { assertNever, type JsonValue } from "@millrace/core";

import { findNonJson } from "./find-non-json.ts";
import { invalidJob } from "./invalid-job.ts";
import { paneLayoutOf } from "./panes.ts";
import type { SourceSpec, StreamGraph, StreamNode, WindowSpec } from "./stream-graph.ts";
import { validateAsync } from "./validate-async.ts";
import { validateEventTime } from "./validate-event-time.ts";
import { validateJoin } from "./validate-join.ts";
import { validateProcess } from "./validate-process.ts";

/** The most panes of a sliding window: each firing merges all of them for each key. */
const maxPanesPerWindow = 2_000;

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
      validateWindow(node, spec);
      validateEventTime(graph, node, "its windows need event time");
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
    case "map":
    case "filter":
    case "flat-map":
    case "key-by":
    case "union":
    case "rebalance":
    case "side-output":
    case "reduce":
    case "table":
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

function validateSource(node: StreamNode, { watermarks, rateLimit }: SourceSpec): void {
  if (rateLimit !== undefined && !(rateLimit > 0 && Number.isFinite(rateLimit))) {
    throw invalidJob(
      `operator ${node.name}: rateLimit ${rateLimit} is not a number of records per second above 0`,
    );
  }
  const bound = watermarks?.outOfOrdernessMs ?? 0;
  if (!(bound >= 0 && Number.isFinite(bound))) {
    throw invalidJob(
      `operator ${node.name}: outOfOrderness ${bound} ms is not a length of time: give it as "10 minutes"`,
    );
  }
}

function validateWindow(node: StreamNode, spec: WindowSpec): void {
  const { assigner, allowedLatenessMs, aggregate, isCombined } = spec;
  const layout = paneLayoutOf(assigner);
  for (const [what, value] of [
    ["size", assigner.sizeMs],
    ["slide", layout.slideMs],
  ] as const) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw invalidJob(
      `operator ${node.name}: the window's ${what} of ${value} ms is not a whole number of milliseconds above 0`,
    );
  }
  if (!Number.isSafeInteger(assigner.offsetMs)) {
    throw invalidJob(`operator ${node.name}: the window's offset is not whole milliseconds`);
  }
  if (layout.slideMs > layout.sizeMs) {
    throw invalidJob(
      `operator ${node.name}: the slide of ${layout.slideMs} ms is longer than the window of ${layout.sizeMs} ms, so that records fall between: choose a shorter slide`,
    );
  }
  if (layout.sizeMs / layout.paneMs > maxPanesPerWindow) {
    throw invalidJob(
      `operator ${node.name}: a window has ${layout.sizeMs / layout.paneMs} panes, more than ${maxPanesPerWindow}: choose a longer slide, or one that divides the size`,
    );
  }
  if (aggregate.addSecond !== undefined && isCombined === true) {
    throw invalidJob(`operator ${node.name}: a window over two inputs cannot be combined`);
  }
  if (!(allowedLatenessMs >= 0 && Number.isFinite(allowedLatenessMs))) {
    throw invalidJob(
      `operator ${node.name}: allowedLateness ${allowedLatenessMs} ms is not a length of time`,
    );
  }
}
