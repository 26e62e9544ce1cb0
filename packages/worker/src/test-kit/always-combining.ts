import type { CombineSettings } from "@millrace/operators";

/** Combines from the second measurement on, whatever it saves. */
export const alwaysCombining: CombineSettings = {
  entryCount: 1_024,
  maxAgeMs: 100,
  trialRecordCount: 1,
  maxHeldRecordCount: 1_000,
  minRecordCount: 1,
  startReduction: 1,
  stopReduction: 1,
  minPauseRecordCount: 10,
  maxPauseRecordCount: 10,
};
