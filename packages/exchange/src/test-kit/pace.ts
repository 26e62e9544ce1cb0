import type { DrainPace } from "@millrace/core";

/** Returns a pace that asks after each record whether to pause. */
export function pausing(shouldPause: () => boolean): DrainPace {
  let isBehindRecord = false;
  return {
    left: 0,
    mayGoOn() {
      this.left = isBehindRecord && shouldPause() ? 0 : 1;
      isBehindRecord = this.left > 0;
      return isBehindRecord;
    },
  };
}
