export {
  commitTransaction,
  type CommitCompare,
  type CommitFacts,
  type CommitTransaction,
  type CommitWrite,
} from "./commit.ts";
export {
  encodeCommittedCheckpoint,
  parseCommittedCheckpoint,
  type CommittedCheckpoint,
} from "./committed-checkpoint.ts";
export { composeManifest, type ComposeFacts } from "./compose.ts";
export { findMismatch, type RestoringPlan } from "./find-mismatch.ts";
export { decideGarbage, liveObjects, type LiveSetFacts } from "./live-set.ts";
export { encodeManifest, maxManifestBytes, parseManifest } from "./manifest-codec.ts";
export type {
  BlockChain,
  BlockSummary,
  CheckpointKind,
  Manifest,
  ManifestSegment,
  SplitPoolCut,
  SplitRecord,
  SubtaskCut,
  WorkerCut,
} from "./manifest.ts";
export {
  bundleName,
  jobPrefix,
  manifestName,
  parseObjectOwner,
  segmentName,
  type ObjectOwner,
} from "./object-names.ts";
export {
  abortPending,
  acknowledge,
  createPendingCheckpoint,
  missingSubtasks,
  orderedCuts,
  type AckResult,
  type PendingCheckpoint,
  type PendingCheckpointFacts,
} from "./pending-checkpoint.ts";
export { decideRetention, type RetainedCheckpoint, type RetentionFacts } from "./retention.ts";
export {
  decideTrigger,
  type TriggerDecision,
  type TriggerFacts,
  type TriggerSettings,
} from "./trigger-policy.ts";
export {
  resolveRestore,
  selectBlocks,
  type FooterBlock,
  type NeededRange,
  type RestoringSubtask,
  type SubtaskRestore,
} from "./resolve.ts";
