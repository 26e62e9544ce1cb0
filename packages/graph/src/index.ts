export type {
  ConnectorContext,
  SinkConnector,
  SinkTransactionId,
  SinkWriter,
  SourceBatch,
  SourceConnector,
  SourceReader,
  SplitDescriptor,
  SplitHandle,
} from "./connector.ts";
export type { Placement } from "./execution-graph.ts";
export type {
  JobEdge,
  JobGraph,
  JobVertex,
  Partitioning,
  PlannedOperator,
  PlannedSettings,
} from "./job-graph.ts";
export {
  apiVersion,
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
  type ValueStateSpec,
  type WatermarkSpec,
  type WindowSpec,
} from "./stream-graph.ts";
