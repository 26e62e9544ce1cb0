import type { Fault } from "../sim/fault.ts";

/** Returns fewer of the faults, under which the run still fails; none can be left out any more. */
export async function shrinkFaults(
  faults: readonly Fault[],
  hasFailed: (fewer: readonly Fault[]) => Promise<boolean>,
): Promise<readonly Fault[]> {
  let kept = faults;
  // From the last one on: what comes after the failure goes at once.
  let index = kept.length - 1;
  while (index >= 0) {
    const fewer = kept.toSpliced(index, 1);
    const isNeedless = await hasFailed(fewer);
    if (isNeedless) kept = fewer;
    // Once one is gone, what was needed beside it may be needless too.
    index = isNeedless ? kept.length - 1 : index - 1;
  }
  return kept;
}
