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
