export {
  judgeClusterMarks,
  objectsElsewhere,
  readClusterMarks,
  type ClusterMark,
} from "./cluster/cluster-marker.ts";
export { defaultCoordinatorConfig, type CoordinatorConfig, type RestartBackoff } from "./config.ts";
export {
  createCoordinator,
  type Coordinator,
  type CoordinatorOptions,
  type CoordinatorRole,
} from "./coordinator.ts";
export { createMetadataKeys, type JobKeys, type MetadataKeys } from "./metadata/keys.ts";
export { idleMetrics, type CoordinatorMetrics, type JobMetrics } from "./metrics.ts";
export type { CoordinatorEvent, CoordinatorObserver } from "./observer.ts";
export {
  createAccessControl,
  type AccessControl,
  type AccessControlOptions,
  type AccessToken,
} from "./security/access-control.ts";
export {
  accessRoles,
  callsWithPolicy,
  neededRole,
  type AccessRole,
} from "./security/call-policy.ts";
export { readPointers } from "./verify/read-pointers.ts";
export { createCheckpointVerifier } from "./verify/verify-checkpoint.ts";
export { verifyRetained } from "./verify/verify-retained.ts";
export { parseClusterId } from "./metadata/job-records.ts";
