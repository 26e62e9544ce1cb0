import type { CountWindowSpec, GeneralWindowSpec } from "./general-window.ts";
import { invalidJob } from "./invalid-job.ts";
import type { StreamGraph, StreamNode, WindowSpec } from "./stream-graph.ts";
import { validateTimesToLive } from "./validate-process.ts";

/**
 * Throws `job-module-invalid` if a function over windows declares states that its windows cannot have:
 * a window's own go with it, so it has to be over some time and may not become part of another one.
 */
export function validateWindowStates(
  graph: StreamGraph,
  node: StreamNode,
  spec: WindowSpec | GeneralWindowSpec | CountWindowSpec,
): void {
  const { windowState, globalState = {}, onClear } = spec.aggregate;
  validateTimesToLive(graph, node, globalState);
  const refusal = refusalOf(spec);
  if (windowState !== undefined && refusal.windowState !== undefined) {
    throw invalidJob(`operator ${node.name}: ${refusal.windowState}`);
  }
  if (onClear !== undefined && refusal.onClear !== undefined) {
    throw invalidJob(`operator ${node.name}: ${refusal.onClear}`);
  }
  for (const [name, { ttl }] of Object.entries(windowState ?? {})) {
    if (ttl === undefined) continue;
    throw invalidJob(
      `operator ${node.name}: the windowState ${name} has a time to live, but goes with its window: leave ttl out`,
    );
  }
}

const endless = {
  windowState:
    "windows over all of time and by number of records are never over, so that a windowState would stay for good: use globalState",
  onClear:
    "windows with a trigger over all of time and windows by number of records are never over: leave onClear out",
};

/** Returns why windows have no state of their own, and why nobody hears when they are over. */
function refusalOf(spec: WindowSpec | GeneralWindowSpec | CountWindowSpec): {
  readonly windowState?: string;
  readonly onClear?: string;
} {
  const { assigner } = spec;
  switch (assigner.kind) {
    case "session":
      return {
        windowState:
          "sessions become one with others, so that they have no windowState, as in Flink: use globalState",
      };
    case "count":
      return endless;
    case "global": {
      const hasTrigger = spec.kind === "general-window" && spec.trigger !== undefined;
      return hasTrigger ? endless : { windowState: endless.windowState };
    }
    case "tumbling":
    case "sliding": {
      if (spec.kind === "general-window") return {};
      const inPanes = "windows in panes have no cell each, for a windowState or onClear";
      return { windowState: inPanes, onClear: inPanes };
    }
  }
}
