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
