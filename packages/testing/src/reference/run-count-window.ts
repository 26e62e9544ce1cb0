import type { CountWindowSpec } from "@millrace/graph";

import { emitWindow } from "./emit-window.ts";
import type { KeyGroup, SideOutputs, Timed } from "./records.ts";

/** Returns the results of one key's windows by number of records, in the order of the inputs. */
export function runCountWindow(
  { assigner, aggregate }: CountWindowSpec,
  { key, records }: KeyGroup,
  side: SideOutputs,
): readonly Timed[] {
  const { size, slide } = assigner;
  const emitted: Timed[] = [];
  for (let seen = slide; seen <= records.length; seen += slide) {
    const inside = records.slice(Math.max(0, seen - size), seen);
    const fired = {
      key,
      window: { start: -Infinity, end: Infinity },
      records: inside,
      atMs: Math.max(...inside.map(({ atMs }) => atMs)),
    };
    emitted.push(...emitWindow(aggregate, fired, side));
  }
  return emitted;
}
