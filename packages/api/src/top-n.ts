import { invalidJob } from "@millrace/graph";

import type { Aggregate } from "./window-functions.ts";

/**
 * Returns the aggregate of a window's first `count` records in an order, first one first:
 * `windowAll(tumbling("1 hour")).aggregate("busiest", topN(3, (a, b) => b.value - a.value))`. Of
 * records that compare equal those that came first are kept. It holds no more than `count` records.
 */
export function topN<T>(
  count: number,
  order: (left: T, right: T) => number,
): Aggregate<T, unknown, T[], readonly T[]> {
  if (!(Number.isSafeInteger(count) && count > 0)) {
    throw invalidJob(`topN(${count}): give a whole number above 0`);
  }
  const insert = (top: T[], record: T): void => {
    // Records mostly come to the end, or not in at all.
    let index = top.length;
    while (index > 0) {
      const before = top[index - 1];
      if (before === undefined || order(before, record) <= 0) break;
      index -= 1;
    }
    if (index >= count) return;
    top.splice(index, 0, record);
    if (top.length > count) top.pop();
  };
  return {
    create: () => [],
    add: insert,
    merge: (into, from) => {
      for (const record of from) insert(into, record);
    },
    result: (top) => [...top],
  };
}
