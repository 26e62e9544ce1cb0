import { assert } from "@millrace/core";
import type { GeneralWindowSpec } from "@millrace/graph";

import type { KeyGroup, SideOutputs, Timed } from "./records.ts";
import { WindowFunctions } from "./window-functions.ts";

/**
 * Returns what windows of processing time emit once all of them have fired. Which records share one is
 * not a function of the records, so each is alone in its windows here: it says nothing of windows
 * that emit more than their records one by one.
 */
export function runClockWindow(
  { assigner, aggregate }: Pick<GeneralWindowSpec, "assigner" | "aggregate">,
  { key, records }: KeyGroup,
  side: SideOutputs,
): readonly Timed[] {
  assert(aggregate.emitsItself === true, "windows of processing time may hold any records");
  const isSliding = assigner.kind === "sliding";
  const windowCount = isSliding ? assigner.sizeMs / assigner.slideMs : 1;
  assert(Number.isInteger(windowCount), "a record may lie in more windows or fewer");
  const window = { start: -Infinity, end: Infinity };
  const functions = new WindowFunctions(aggregate, key, side);
  return records.flatMap((record) =>
    Array.from({ length: windowCount }, () =>
      functions.run(window, [{ records: [record], atMs: -Infinity }]),
    ).flat(),
  );
}
