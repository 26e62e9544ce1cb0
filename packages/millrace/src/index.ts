export type { Duration, JsonValue } from "@millrace/api";
export type {
  BuildEnvironment,
  BuildInput,
  ConnectorContext,
  CountWindows,
  GlobalWindows,
  JobDefinition,
  SinkConnector,
  SinkFactory,
  SinkTransactionId,
  SinkWriter,
  SlidingWindows,
  SourceBatch,
  SourceConnector,
  SourceFactory,
  SourceReader,
  SplitDescriptor,
  SplitHandle,
  TriggerDecision,
  TumblingWindows,
} from "@millrace/api";
export type {
  DataStream,
  Key,
  OperatorOptions,
  ParallelismOptions,
  SinkInput,
  SlotSharingOptions,
} from "@millrace/api";
export type {
  AsyncCall,
  AsyncOptions,
  CircuitBreakerOptions,
  FailedRequest,
  RetryOptions,
} from "@millrace/api";
export type { BroadcastJoin } from "@millrace/api";
export type {
  CheckOptions,
  Emits,
  InvalidRecord,
  SchemaIssue,
  StandardSchema,
} from "@millrace/api";
export type { ConnectedStreams } from "@millrace/api";
export {
  datagen,
  type DatagenOptions,
  defineConfig,
  type ClusterContext,
  type MillraceConfig,
  type SettingValues,
} from "@millrace/api";
export { defineJob, type JobParams } from "@millrace/api";
export { days, hours, minutes, seconds } from "@millrace/api";
export { elements } from "@millrace/api";
export type { IntervalJoin } from "@millrace/api";
export type { JoinedStreams, JoinInterval } from "@millrace/api";
export type { LookupJoin } from "@millrace/api";
export type { Change, Table, TableOptions } from "@millrace/api";
export type { TableJoin } from "@millrace/api";
export type { CoGroup, WindowJoin } from "@millrace/api";
export type { KeyedStream, KeyedValue, RunningOptions } from "@millrace/api";
export type {
  Job,
  JobDefaults,
  SourceInput,
  SourceOptions,
  WatermarkGenerator,
} from "@millrace/api";
export {
  outputTag,
  state,
  type,
  type DeepReadonly,
  type ConnectedDefinition,
  type OpenContext,
  broadcastMap,
  type BroadcastConnectedStreams,
  type BroadcastContext,
  type BroadcastDeclarations,
  type BroadcastKey,
  type BroadcastProcessDefinition,
  type BroadcastStateDeclaration,
  type BroadcastStream,
  type KeyedBroadcastContext,
  type KeyedBroadcastDefinition,
  type KeyedBroadcastStreams,
  type KeyedSideContext,
  type BroadcastState,
  type InitializeContext,
  type OperatorListState,
  type OperatorStateStore,
  type PlainContext,
  type PlainProcessDefinition,
  type ReadonlyBroadcastState,
  type SnapshotContext,
  type SubtaskFunctions,
  type OutputTag,
  type ProcessContext,
  type ProcessDefinition,
  type AddingStateHandle,
  type AggregatingStateDeclaration,
  type AggregatingStateOptions,
  type CheckedStateOptions,
  type ListStateDeclaration,
  type ListStateHandle,
  type MapStateDeclaration,
  type MapStateHandle,
  type ReducingStateDeclaration,
  type ReducingStateOptions,
  type StateDeclarations,
  type TagFor,
  type StateHandleOf,
  type StateOptions,
  type TimeToLive,
  type TimeDomain,
  type TimerContext,
  type TypeTag,
  type ValueStateDeclaration,
  type ValueStateHandle,
} from "@millrace/api";
export { evictors, type CustomEvictor, type Evictor, type WindowRecord } from "@millrace/api";
export { topN } from "@millrace/api";
export { triggers, type CustomTrigger, type Trigger, type TriggerContext } from "@millrace/api";
export type {
  Aggregate,
  ClearedWindowContext,
  IncrementalAggregate,
  TimeWindow,
  WindowContext,
  WindowedValue,
  WindowProcess,
} from "@millrace/api";
export type { WindowOptions } from "@millrace/api";
export type { WindowedOptions, WindowedStream } from "@millrace/api";
export {
  count,
  global,
  session,
  sliding,
  tumbling,
  type SessionWindows,
  type WindowAlignment,
  type WindowAssigner,
} from "@millrace/api";
