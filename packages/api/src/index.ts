export type { Duration, JsonValue } from "@millrace/core";
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
} from "@millrace/graph";
export {
  broadcastMap,
  type BroadcastConnectedStreams,
  type BroadcastContext,
  type BroadcastDeclarations,
  type BroadcastProcessDefinition,
  type BroadcastStateDeclaration,
  type KeyedBroadcastContext,
  type KeyedBroadcastDefinition,
  type KeyedBroadcastStreams,
  type KeyedSideContext,
} from "./broadcast-process.ts";
export type {
  AsyncCall,
  AsyncOptions,
  CircuitBreakerOptions,
  FailedRequest,
  RetryOptions,
} from "./async-map.ts";
export type {
  BroadcastStream,
  DataStream,
  Key,
  OperatorOptions,
  ParallelismOptions,
  SinkInput,
  SlotSharingOptions,
} from "./data-stream.ts";
export type { BroadcastJoin } from "./broadcast-join.ts";
export type { CheckOptions, InvalidRecord } from "./check-records.ts";
export type { ConnectedStreams } from "./connected-streams.ts";
export {
  defineConfig,
  type ClusterContext,
  type MillraceConfig,
  type SettingValues,
} from "./define-config.ts";
export { defineJob, type JobParams } from "./define-job.ts";
export { days, hours, minutes, seconds } from "./durations.ts";
export { elements } from "./elements.ts";
export { type, type Emits, type TypeTag } from "./emits.ts";
export type { IntervalJoin } from "./interval-join.ts";
export type { JoinedStreams, JoinInterval } from "./joined-streams.ts";
export type { LookupJoin } from "./lookup-join.ts";
export type { Change, Table, TableOptions } from "./table.ts";
export type { TableJoin } from "./table-join.ts";
export type { CoGroup, WindowJoin } from "./window-join.ts";
export type { KeyedStream, KeyedValue, RunningOptions } from "./keyed-stream.ts";
export { datagen, type DatagenOptions } from "./datagen.ts";
export type { Job, JobDefaults, SourceInput, SourceOptions, WatermarkGenerator } from "./job.ts";
export type {
  BroadcastKey,
  BroadcastState,
  InitializeContext,
  OperatorListState,
  OperatorStateStore,
  PlainContext,
  PlainProcessDefinition,
  ReadonlyBroadcastState,
  SnapshotContext,
  SubtaskFunctions,
} from "./plain-process.ts";
export {
  outputTag,
  type ConnectedDefinition,
  type OpenContext,
  type OutputTag,
  type ProcessContext,
  type ProcessDefinition,
  type TagFor,
  type TimerContext,
} from "./process.ts";
export {
  state,
  type AddingStateHandle,
  type AggregatingStateDeclaration,
  type AggregatingStateOptions,
  type CheckedStateOptions,
  type DeepReadonly,
  type ListStateDeclaration,
  type ListStateHandle,
  type MapStateDeclaration,
  type MapStateHandle,
  type ReducingStateDeclaration,
  type ReducingStateOptions,
  type StateDeclarations,
  type StateHandleOf,
  type StateOptions,
  type TimeDomain,
  type TimeToLive,
  type ValueStateDeclaration,
  type ValueStateHandle,
} from "./state.ts";
export { evictors, type CustomEvictor, type Evictor, type WindowRecord } from "./evictors.ts";
export type { SchemaIssue, StandardSchema } from "./standard-schema.ts";
export { topN } from "./top-n.ts";
export { triggers, type CustomTrigger, type Trigger, type TriggerContext } from "./triggers.ts";
export type {
  Aggregate,
  ClearedWindowContext,
  IncrementalAggregate,
  TimeWindow,
  WindowContext,
  WindowedValue,
  WindowProcess,
} from "./window-functions.ts";
export type { WindowOptions } from "./window-place.ts";
export type { WindowedOptions, WindowedStream } from "./windowed-stream.ts";
export {
  count,
  global,
  session,
  sliding,
  tumbling,
  type SessionWindows,
  type WindowAlignment,
  type WindowAssigner,
} from "./windows.ts";
