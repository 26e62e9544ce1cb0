export { defaultCoordinatorConfig, type CoordinatorConfig, type RestartBackoff } from "./config.ts";
export { createCoordinator, type Coordinator, type CoordinatorOptions } from "./coordinator.ts";
export { createMetadataKeys, type JobKeys, type MetadataKeys } from "./metadata/keys.ts";
export type { CoordinatorMetrics, JobMetrics } from "./metrics.ts";
export type { CoordinatorEvent, CoordinatorObserver } from "./observer.ts";
