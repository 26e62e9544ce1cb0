export type { AsyncRetrySpec, AsyncSpec, CircuitBreakerSpec } from "./async-spec.ts";
export {
  assignSlots,
  type FreeSlot,
  type PreviousSlots,
  type SlotAssignment,
} from "./assign-slots.ts";
export type {
  BuildEnvironment,
  ConnectorContext,
  SinkConnector,
  SinkFactory,
  SinkTransactionId,
  SinkWriter,
  SourceBatch,
  SourceConnector,
  SourceFactory,
  SourceReader,
  SplitDescriptor,
  SplitHandle,
} from "./connector.ts";
export {
  channelSources,
  channelTargets,
  expandExecutionGraph,
  type ExecutionEdge,
  type ExecutionGraph,
  type ExecutionOptions,
  type ExecutionSubtask,
  type Placement,
} from "./execution-graph.ts";
export { isCombined } from "./combining.ts";
export { findNonJson, isJson } from "./find-non-json.ts";
export { findPlanConflict } from "./find-plan-conflict.ts";
export {
  isProcessingTime,
  type CountWindows,
  type CountWindowSpec,
  type CustomTriggerSpec,
  type EvictorSpec,
  type GeneralWindowSpec,
  type GlobalWindows,
  type SessionWindows,
  type TriggerDecision,
  type TriggerSpec,
} from "./general-window.ts";
export { invalidJob } from "./invalid-job.ts";
export type {
  JobEdge,
  JobGraph,
  JobVertex,
  Partitioning,
  PlannedOperator,
  PlannedSettings,
} from "./job-graph.ts";
export {
  keepsLeft,
  keepsRight,
  type IntervalJoinSpec,
  type JoinMode,
  type JoinSpec,
  type LookupJoinSpec,
  type TableJoinSpec,
  type TemporalJoinSpec,
} from "./join-spec.ts";
export {
  firstWindowEnd,
  greatestCommonDivisor,
  lastWindowEnd,
  paneLayoutOf,
  paneOf,
  type PaneLayout,
} from "./panes.ts";
export { createStateModel } from "./state-model.ts";
export { maxPlanLength, parseJobGraph } from "./parse-job-graph.ts";
export { canonicalPlanJson, planJob } from "./plan-job.ts";
export { defaultSettings, maxKeyGroups, resolveSettings } from "./resolve-settings.ts";
export type { BroadcastProcessSpec, KeyedBroadcastProcessSpec } from "./broadcast-process-spec.ts";
export type { PartitionSpec } from "./partition-spec.ts";
export type { PlainFunctions, PlainProcessSpec } from "./plain-process-spec.ts";
export { resolvePath } from "./resolve-path.ts";
export {
  apiVersion,
  type BuildInput,
  type JobDefinition,
  type JobSettings,
  type OperatorSpec,
  type ProcessSpec,
  type ReduceSpec,
  type SlidingWindows,
  type SourceSpec,
  type StreamGraph,
  type StreamNode,
  type TumblingWindows,
  type UserFunction,
  type WindowSpec,
} from "./stream-graph.ts";
export type { TableInput, TableOrder, TableSpec } from "./table-spec.ts";
export { widestThatFits } from "./slot-sharing.ts";
export { validateStreamGraph } from "./validate-stream-graph.ts";
export type {
  AggregatingStateSpec,
  ListStateSpec,
  MapStateSpec,
  ReducingStateSpec,
  StateSpec,
  TimeToLiveSpec,
  ValueStateSpec,
} from "./state-spec.ts";
export type { WatermarkAlignment, WatermarkFunctions, WatermarkSpec } from "./watermark-spec.ts";
