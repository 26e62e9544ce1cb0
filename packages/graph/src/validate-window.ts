import {
  isProcessingTime,
  type CountWindowSpec,
  type GeneralWindowSpec,
  type TriggerSpec,
} from "./general-window.ts";
import { invalidJob } from "./invalid-job.ts";
import { paneLayoutOf } from "./panes.ts";
import type {
  SlidingWindows,
  StreamGraph,
  StreamNode,
  TumblingWindows,
  WindowSpec,
} from "./stream-graph.ts";
import { validateEventTime } from "./validate-event-time.ts";
import { validateWindowStates } from "./validate-window-states.ts";

/** The most panes of a sliding window: each firing merges all of them for each key. */
const maxPanesPerWindow = 2_000;
/** The most records of a count window: all of them may be state. */
const maxCount = 1_000_000_000;

/** Throws `job-module-invalid` if windows in panes cannot run. */
export function validateWindow(graph: StreamGraph, node: StreamNode, spec: WindowSpec): void {
  const { assigner, allowedLatenessMs, aggregate, isCombined } = spec;
  validateAligned(node, assigner);
  validateLateness(node, allowedLatenessMs);
  if (isProcessingTime(assigner)) {
    throw invalidJob(
      `operator ${node.name}: windows in panes go by event time: leave \`time\` out`,
    );
  }
  if (aggregate.addSecond !== undefined && isCombined === true) {
    throw invalidJob(`operator ${node.name}: a window over two inputs cannot be combined`);
  }
  validateWindowStates(graph, node, spec);
  validateEventTime(graph, node, "its windows need event time");
}

/** The same for windows with a state for each. */
export function validateGeneralWindow(
  graph: StreamGraph,
  node: StreamNode,
  spec: GeneralWindowSpec,
): void {
  const { assigner, allowedLatenessMs, trigger, evictor, lateTag } = spec;
  validateLateness(node, allowedLatenessMs);
  if (spec.aggregate.addSecond !== undefined && evictor !== undefined) {
    throw invalidJob(
      `operator ${node.name}: an evictor cannot tell two inputs apart: leave it out of the join`,
    );
  }
  if (assigner.kind === "session") {
    if (typeof assigner.gapMs === "number") requireMs(node, "gap", assigner.gapMs);
  } else if (assigner.kind !== "global") {
    validateAligned(node, assigner);
  }
  if (trigger !== undefined) validateTrigger(node, spec, trigger);
  validateWindowStates(graph, node, spec);
  if (evictor?.kind === "count") requireCount(node, "evictor's count", evictor.count);
  if (evictor?.kind === "time") requireMs(node, "evictor's time", evictor.keepMs);
  if (needsEventTime(spec)) validateEventTime(graph, node, "its windows need event time");
  if (assigner.kind !== "global" && !isProcessingTime(assigner)) return;
  if (allowedLatenessMs > 0 || lateTag !== undefined) {
    throw invalidJob(
      `operator ${node.name}: nothing is late for windows of processing time or over all of time: leave allowedLateness and lateTo out`,
    );
  }
}

/** The same for windows by number of records. */
export function validateCountWindow(
  graph: StreamGraph,
  node: StreamNode,
  spec: CountWindowSpec,
): void {
  const { assigner } = spec;
  validateWindowStates(graph, node, spec);
  requireCount(node, "count window's size", assigner.size);
  requireCount(node, "count window's slide", assigner.slide);
  if (assigner.slide <= assigner.size) return;
  throw invalidJob(
    `operator ${node.name}: the slide of ${assigner.slide} records is longer than the window of ${assigner.size}, so that records fall between: choose a shorter slide`,
  );
}

function validateAligned(node: StreamNode, assigner: TumblingWindows | SlidingWindows): void {
  const layout = paneLayoutOf(assigner);
  requireMs(node, "size", assigner.sizeMs);
  requireMs(node, "slide", layout.slideMs);
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
}

function requireMs(node: StreamNode, what: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw invalidJob(
    `operator ${node.name}: the window's ${what} of ${value} ms is not a whole number of milliseconds above 0`,
  );
}

function requireCount(node: StreamNode, what: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0 && value <= maxCount) return;
  throw invalidJob(
    `operator ${node.name}: the ${what} of ${value} is not a whole number of records from 1 to ${maxCount}`,
  );
}

function validateLateness(node: StreamNode, allowedLatenessMs: number): void {
  if (allowedLatenessMs >= 0 && Number.isFinite(allowedLatenessMs)) return;
  throw invalidJob(
    `operator ${node.name}: allowedLateness ${allowedLatenessMs} ms is not a length of time`,
  );
}

function validateTrigger(node: StreamNode, spec: GeneralWindowSpec, trigger: TriggerSpec): void {
  switch (trigger.kind) {
    case "count":
      requireCount(node, "trigger's count", trigger.count);
      return;
    case "continuous":
      requireMs(node, "trigger's interval", trigger.intervalMs);
      return;
    case "purging":
      if (trigger.of.kind === "purging") {
        throw invalidJob(`operator ${node.name}: a purging trigger is around another: remove one`);
      }
      validateTrigger(node, spec, trigger.of);
      return;
    case "event-time":
      if (!isProcessingTime(spec.assigner)) return;
      throw invalidJob(
        `operator ${node.name}: windows of processing time end at no watermark: use triggers.processingTime()`,
      );
    case "custom":
      if (spec.assigner.kind !== "session" || trigger.merge !== undefined) return;
      throw invalidJob(
        `operator ${node.name}: session windows merge, so their trigger needs \`merge\`, for its state of two windows: add it`,
      );
    case "never":
    case "processing-time":
  }
}

function needsEventTime({ assigner, trigger, evictor }: GeneralWindowSpec): boolean {
  if (isProcessingTime(assigner)) return false;
  return assigner.kind !== "global" || evictor?.kind === "time" || isByEventTime(trigger);
}

function isByEventTime(trigger: TriggerSpec | undefined): boolean {
  if (trigger?.kind === "purging") return isByEventTime(trigger.of);
  return trigger?.kind === "continuous" && trigger.time === "event";
}
