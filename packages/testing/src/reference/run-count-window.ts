import type { CountWindowSpec } from "@millrace/graph";

import type { KeyGroup, SideOutputs, Timed } from "./records.ts";
import { WindowFunctions } from "./window-functions.ts";

/** Returns the results of one key's windows by number of records, in the order of the inputs. */
export function runCountWindow(
  { assigner, aggregate }: CountWindowSpec,
  { key, records }: KeyGroup,
  side: SideOutputs,
): readonly Timed[] {
  const { size, slide } = assigner;
  const functions = new WindowFunctions(aggregate, key, side);
  const emitted: Timed[] = [];
  for (let seen = slide; seen <= records.length; seen += slide) {
    const inside = records.slice(Math.max(0, seen - size), seen);
    const atMs = Math.max(...inside.map((record) => record.atMs));
    const allOfTime = { start: -Infinity, end: Infinity };
    emitted.push(...functions.run(allOfTime, [{ records: inside, atMs }]));
  }
  return emitted;
}
