import { parseDuration, type Duration } from "@millrace/core";
import {
  invalidJob,
  type CountWindowSpec,
  type GeneralWindowSpec,
  type OperatorSpec,
  type TriggerSpec,
  type WindowSpec,
} from "@millrace/graph";

import type { Evictor } from "./evictors.ts";
import type { TagFor } from "./process.ts";
import type { Trigger } from "./triggers.ts";

export interface WindowOptions<T = never> {
  /**
   * How long after its end a window still takes records, and then fires again for each; none unless
   * set. A session that grows by one fires again as the larger one.
   */
  readonly allowedLateness?: Duration;
  /** Where records go that are too late for all their windows; read it with `sideOutput`. */
  readonly lateTo?: TagFor<T>;
  /** When windows fire; by default at their end. */
  readonly trigger?: Trigger<T>;
  /** Which of a window's records a firing sees; by default all. */
  readonly evictor?: Evictor<T>;
}

/** What all operators over the same windows share. The options are without their types. */
export interface WindowPlace {
  readonly inputId: number;
  readonly assigner: GeneralWindowSpec["assigner"] | CountWindowSpec["assigner"];
  readonly options: WindowOptions;
  /** Set where there is one subtask only. */
  readonly parallelism?: 1;
}

/**
 * Returns the operator: in panes where windows end by the watermark and fire then, else with a state
 * for each window. Throws `job-module-invalid` for options that count windows cannot have.
 */
export function windowSpecOf(
  { assigner, options }: WindowPlace,
  aggregate: WindowSpec["aggregate"],
  isCombined: boolean,
): OperatorSpec {
  const { lateTo, evictor } = options;
  if (assigner.kind === "count") return countSpecOf(assigner, options, aggregate);
  const trigger = ownTrigger(assigner, options.trigger?.spec);
  const shared = {
    allowedLatenessMs: parseDuration(options.allowedLateness ?? "0 ms"),
    ...(lateTo === undefined ? {} : { lateTag: lateTo.name }),
    aggregate,
  };
  const isPlain = trigger === undefined && evictor === undefined && !isKeptByWindow(aggregate);
  const isAligned = assigner.kind === "tumbling" || assigner.kind === "sliding";
  if (isAligned && isPlain && assigner.time === undefined) {
    return { kind: "window", assigner, isCombined, ...shared };
  }
  return {
    kind: "general-window",
    assigner,
    ...shared,
    ...(trigger === undefined ? {} : { trigger }),
    ...(evictor === undefined ? {} : { evictor: evictor.spec }),
  } satisfies GeneralWindowSpec;
}

/** Whether the author's function has something to do with each window, which only its own cell gives. */
function isKeptByWindow({ windowState, onClear }: WindowSpec["aggregate"]): boolean {
  return windowState !== undefined || onClear !== undefined;
}

function countSpecOf(
  assigner: CountWindowSpec["assigner"],
  { allowedLateness, lateTo, trigger, evictor }: WindowPlace["options"],
  aggregate: WindowSpec["aggregate"],
): CountWindowSpec {
  if (allowedLateness !== undefined || lateTo !== undefined) {
    throw invalidJob(
      "count(...) windows go by no time, so that no record is late: leave allowedLateness and lateTo out",
    );
  }
  if (trigger !== undefined || evictor !== undefined) {
    throw invalidJob(
      "count(...) windows have their own trigger and evictor: use window(global(), { trigger, evictor })",
    );
  }
  return { kind: "count-window", assigner, aggregate };
}

/** What windows do by themselves is no trigger of their own. */
function ownTrigger(
  assigner: GeneralWindowSpec["assigner"],
  trigger: TriggerSpec | undefined,
): TriggerSpec | undefined {
  const isProcessing = assigner.kind !== "global" && assigner.time === "processing";
  const own = isProcessing ? "processing-time" : "event-time";
  return trigger?.kind === own ? undefined : trigger;
}
