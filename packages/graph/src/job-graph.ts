import type { JsonValue, VertexId } from "@millrace/core";

/**
 * The plan: what is submitted, stored and compared (its hash is the SHA-256 of its canonical JSON).
 * Plain JSON, no functions; a slot builds its own from the bundle and refuses if the hashes differ.
 * Vertices and edges stand in a fixed order: topological, then by node id.
 */
export interface JobGraph {
  readonly formatVersion: 1;
  readonly apiVersion: number;
  readonly jobName: string;
  /** What relative paths were resolved against; a slot builds its own graph with it. */
  readonly baseDirectory: string;
  readonly vertices: readonly JobVertex[];
  readonly edges: readonly JobEdge[];
  readonly settings: PlannedSettings;
}

/**
 * Operators that run in one subtask, by direct calls: a chain, or a tree of chains where one has several
 * consumers. Each stands behind the one that it takes its records from.
 */
export interface JobVertex {
  readonly id: VertexId;
  readonly operators: readonly PlannedOperator[];
  /** `default`: what the submission or the free slots say. */
  readonly parallelism: number | "default";
  /** Vertices of one group share slots, others have slots of their own; absent: `default`. */
  readonly slotSharingGroup?: string;
}

export interface PlannedOperator {
  /** The identity of its state. */
  readonly name: string;
  readonly nodeId: number;
  readonly kind:
    | "source"
    | "map"
    | "filter"
    | "flat-map"
    | "reduce"
    | "window"
    | "general-window"
    | "count-window"
    | "process"
    | "async-map"
    | "join"
    | "table"
    | "plain-process"
    | "broadcast-process"
    | "keyed-broadcast-process"
    | "sink"
    | "print";
  /** Whether records reach it by key; then it is first in its chain. */
  readonly isKeyed: boolean;
  readonly hasState: boolean;
  /** Whose results it takes: the index in the vertex's operators; absent: the one before it. */
  readonly after?: number;
  /** Of a source: whose sources it reads on together with, and how far ahead at most. */
  readonly alignment?: { readonly group: string; readonly maxDriftMs: number };
  /** Of sources and sinks: connector, options and guarantee; of windows: sizes; of async operators: limits. */
  readonly options: JsonValue;
}

export interface JobEdge {
  /** Index in `edges`. */
  readonly index: number;
  readonly from: VertexId;
  readonly to: VertexId;
  readonly partitioning: Partitioning;
  /** Which input of an operator that has two; absent: the first or only one. */
  readonly input?: 1;
  /** The operator of `from` that emits: its index there; absent: the last one. */
  readonly fromOperator?: number;
  /** Carries what that operator emits to this tag; absent: its main output. */
  readonly tag?: string;
}

/**
 * `forward`: subtask i to subtask i, both sides have the same parallelism. `rebalance`: round robin.
 * `rescale`: round robin over the subtasks of `channelTargets`, which are few. `broadcast`: each
 * record to all. `global`: to subtask 0. `shuffle`: at random. `hash`: by key group of the key that the
 * `key-by` node `keyNodeId` selects. `custom`: by the function of the node `nodeId`.
 */
export type Partitioning =
  | { readonly kind: "forward" }
  | { readonly kind: "rebalance" }
  | { readonly kind: "rescale" }
  | { readonly kind: "broadcast" }
  | { readonly kind: "global" }
  | { readonly kind: "shuffle" }
  | { readonly kind: "custom"; readonly nodeId: number }
  | { readonly kind: "hash"; readonly keyNodeId: number };

/** JobSettings with every default filled in, except the parallelism that slots may decide. */
export interface PlannedSettings {
  readonly parallelism: number | "default";
  readonly maxParallelism: number;
  readonly checkpoint: {
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly minPauseMs: number;
    readonly retainedCount: number;
  };
  readonly restart: { readonly maxFailures: number };
}
