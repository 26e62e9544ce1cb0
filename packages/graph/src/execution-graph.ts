import {
  assert,
  StreamError,
  subtaskIdOf,
  type SubtaskId,
  type VertexId,
  type WorkerId,
} from "@millrace/core";

import type { JobEdge, JobGraph } from "./job-graph.ts";
import { SlotNumbers } from "./slot-sharing.ts";

/** Where one subtask of an attempt runs and where its slot listens for records. */
export interface Placement extends ExecutionSubtask {
  readonly workerId: WorkerId;
  readonly slotIndex: number;
  readonly dataAddress: string;
}

/** The subtasks of a plan once every parallelism is a number, and the channels between them. */
export interface ExecutionGraph {
  /** In the order of vertices, then indexes. */
  readonly subtasks: readonly ExecutionSubtask[];
  readonly edges: readonly ExecutionEdge[];
  /** Over all slot sharing groups: of each as many as its largest parallelism. */
  readonly slotsNeeded: number;
}

export interface ExecutionSubtask {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  /** Of its vertex. */
  readonly parallelism: number;
  /**
   * Which of the job's slots runs it, from 0: slot k of a slot sharing group runs subtask k of each of
   * its vertices.
   */
  readonly slotNumber: number;
}

export interface ExecutionEdge {
  readonly edge: JobEdge;
  readonly fromParallelism: number;
  readonly toParallelism: number;
}

export interface ExecutionOptions {
  /** For vertices whose own is `default`. */
  readonly defaultParallelism: number;
}

/** Returns the plan's subtasks and edges. Throws `invalid-argument` for more than the maximum. */
export function expandExecutionGraph(plan: JobGraph, options: ExecutionOptions): ExecutionGraph {
  const { defaultParallelism } = options;
  const { maxParallelism } = plan.settings;
  const isWhole = Number.isSafeInteger(defaultParallelism) && defaultParallelism >= 1;
  if (!isWhole || defaultParallelism > maxParallelism) {
    throw new StreamError(
      "invalid-argument",
      `parallelism ${defaultParallelism} is not a whole number from 1 to the max parallelism ${maxParallelism} of job ${plan.jobName}: choose another, or raise maxParallelism in job.defaults`,
      { domain: "user", retry: "never" },
    );
  }
  const resolved = new Map(
    plan.vertices.map(({ id, parallelism }) => [
      id,
      parallelism === "default" ? defaultParallelism : parallelism,
    ]),
  );
  const slots = new SlotNumbers(plan, defaultParallelism);
  return {
    subtasks: plan.vertices.flatMap(({ id, slotSharingGroup }) =>
      subtasksOf(id, parallelismOf(resolved, id)).map((subtask) => ({
        ...subtask,
        slotNumber: slots.of(slotSharingGroup, subtask.subtaskIndex),
      })),
    ),
    edges: plan.edges.map((edge) => ({
      edge,
      fromParallelism: parallelismOf(resolved, edge.from),
      toParallelism: parallelismOf(resolved, edge.to),
    })),
    slotsNeeded: slots.count,
  };
}

/** Returns the subtask indexes that a sending subtask has channels to, ascending. */
export function channelTargets(edge: ExecutionEdge, fromIndex: number): readonly number[] {
  const { kind } = edge.edge.partitioning;
  if (kind === "forward") return [fromIndex];
  const all = Array.from({ length: edge.toParallelism }, (_, index) => index);
  if (kind !== "rescale") return all;
  return all.filter((toIndex) => channelSources(edge, toIndex).includes(fromIndex));
}

/** Returns the subtask indexes that a receiving subtask has channels from, ascending. */
export function channelSources(edge: ExecutionEdge, toIndex: number): readonly number[] {
  const { fromParallelism, toParallelism } = edge;
  const { kind } = edge.edge.partitioning;
  if (kind === "forward") return [toIndex];
  if (kind !== "rescale") return Array.from({ length: fromParallelism }, (_, index) => index);
  // Each side in equal runs (Flink's pointwise distribution): no receiver without a sender.
  const first = Math.floor((toIndex * fromParallelism) / toParallelism);
  const end = Math.floor(((toIndex + 1) * fromParallelism) / toParallelism);
  return Array.from({ length: Math.max(1, end - first) }, (_, index) => first + index);
}

function subtasksOf(
  vertexId: VertexId,
  parallelism: number,
): readonly Omit<ExecutionSubtask, "slotNumber">[] {
  return Array.from({ length: parallelism }, (_, subtaskIndex) => ({
    subtaskId: subtaskIdOf(vertexId, subtaskIndex),
    vertexId,
    subtaskIndex,
    parallelism,
  }));
}

function parallelismOf(resolved: ReadonlyMap<VertexId, number>, vertexId: VertexId): number {
  const parallelism = resolved.get(vertexId);
  assert(parallelism !== undefined, `vertex ${vertexId} is not in the plan`);
  return parallelism;
}
