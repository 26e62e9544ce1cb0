import type { RecoverySummary } from "@millrace/rpc";

import { formatBytes, formatDuration } from "../output.ts";

/** Returns a recovery in one line: why, from which checkpoint, how long, with how much state. */
export function formatRecovery(recovery: RecoverySummary): string {
  const { attempt, cause, checkpointId, durationMs, restoredBytes, sourcePositions } = recovery;
  const from =
    checkpointId === undefined
      ? "from the beginning, as no checkpoint was complete"
      : `from checkpoint ${checkpointId} with ${formatBytes(restoredBytes)} of state`;
  const positions = sourcePositions === "" ? "" : `; sources resumed at ${sourcePositions}`;
  return `attempt ${attempt} runs ${from}, ${formatDuration(durationMs)} after: ${cause}${positions}`;
}
