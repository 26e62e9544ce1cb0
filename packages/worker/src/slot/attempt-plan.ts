import { assert, parseSubtaskId, type SubtaskId, type VertexId } from "@millrace/core";
import {
  channelSources,
  channelTargets,
  type ExecutionEdge,
  type JobEdge,
  type JobVertex,
  type StreamNode,
} from "@millrace/graph";

import type { LoadedJob } from "./load-plan.ts";
import type { SlotPreparation } from "./slot-messages.ts";

/** A subtask with everything that the plan and the placements say about it. */
export interface PlannedSubtask {
  readonly subtaskId: SubtaskId;
  readonly vertex: JobVertex;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly nodes: readonly StreamNode[];
  readonly inputs: readonly PlannedInput[];
  readonly outputs: readonly PlannedOutput[];
}

interface PlannedInput {
  readonly edge: JobEdge;
  readonly fromIndexes: readonly number[];
  /** The `key-by` of a hash edge. */
  readonly keyNode: StreamNode | undefined;
}

export interface PlannedOutput {
  readonly edge: JobEdge;
  readonly targets: readonly { readonly toIndex: number; readonly dataAddress: string }[];
  readonly keyNode: StreamNode | undefined;
  /** What chooses the subtask on an edge of an author's own partitioning. */
  readonly partitionNode: StreamNode | undefined;
  /** The first operator that the records reach. */
  readonly toNode: StreamNode;
}

/** Returns this slot's subtasks in the order of the preparation: upstream vertices first. */
export function planSubtasks(
  preparation: SlotPreparation,
  job: LoadedJob,
): readonly PlannedSubtask[] {
  const addresses = new Map<SubtaskId, string>();
  const parallelisms = new Map<VertexId, number>();
  for (const { subtaskId, dataAddress } of preparation.placements) {
    const { vertexId } = parseSubtaskId(subtaskId);
    addresses.set(subtaskId, dataAddress);
    parallelisms.set(vertexId, (parallelisms.get(vertexId) ?? 0) + 1);
  }
  const placed: Placed = { job, addresses, parallelisms };
  return preparation.ownSubtasks.map((subtaskId) => planSubtask(placed, subtaskId));
}

/** Returns the step of the subtask's chain that an operator is; a source is what begins the chain, -1. */
export function stepOf({ nodes }: PlannedSubtask, operatorIndex: number): number {
  return nodes[0]?.spec.kind === "source" ? operatorIndex - 1 : operatorIndex;
}

interface Placed {
  readonly job: LoadedJob;
  readonly addresses: ReadonlyMap<SubtaskId, string>;
  readonly parallelisms: ReadonlyMap<VertexId, number>;
}

function planSubtask(placed: Placed, subtaskId: SubtaskId): PlannedSubtask {
  const { vertexId, subtaskIndex } = parseSubtaskId(subtaskId);
  const { plan } = placed.job;
  const vertex = plan.vertices.find(({ id }) => id === vertexId);
  assert(vertex !== undefined, `subtask ${subtaskId} is of a vertex that the plan has not`);
  return {
    subtaskId,
    vertex,
    subtaskIndex,
    parallelism: parallelismOf(placed, vertexId),
    nodes: vertex.operators.map(({ nodeId }) => nodeOf(placed, nodeId)),
    inputs: plan.edges
      .filter(({ to }) => to === vertexId)
      .map((edge) => planInput(placed, edge, subtaskIndex)),
    outputs: plan.edges
      .filter(({ from }) => from === vertexId)
      .map((edge) => planOutput(placed, edge, subtaskIndex)),
  };
}

function planInput(placed: Placed, edge: JobEdge, subtaskIndex: number): PlannedInput {
  return {
    edge,
    fromIndexes: channelSources(executionEdge(placed, edge), subtaskIndex),
    keyNode: keyNodeOf(placed, edge),
  };
}

function planOutput(placed: Placed, edge: JobEdge, subtaskIndex: number): PlannedOutput {
  const toIndexes = channelTargets(executionEdge(placed, edge), subtaskIndex);
  return {
    edge,
    targets: toIndexes.map((toIndex) => ({
      toIndex,
      dataAddress: addressOf(placed, `${edge.to}/${toIndex}`),
    })),
    keyNode: keyNodeOf(placed, edge),
    partitionNode:
      edge.partitioning.kind === "custom" ? nodeOf(placed, edge.partitioning.nodeId) : undefined,
    toNode: firstNodeOf(placed, edge.to),
  };
}

function executionEdge(placed: Placed, edge: JobEdge): ExecutionEdge {
  return {
    edge,
    fromParallelism: parallelismOf(placed, edge.from),
    toParallelism: parallelismOf(placed, edge.to),
  };
}

function keyNodeOf(placed: Placed, { partitioning }: JobEdge): StreamNode | undefined {
  return partitioning.kind === "hash" ? nodeOf(placed, partitioning.keyNodeId) : undefined;
}

function firstNodeOf(placed: Placed, vertexId: VertexId): StreamNode {
  const operators = placed.job.plan.vertices.find(({ id }) => id === vertexId)?.operators;
  const first = operators?.[0];
  assert(first !== undefined, `vertex ${vertexId} of an edge is in the plan`);
  return nodeOf(placed, first.nodeId);
}

function nodeOf({ job }: Placed, nodeId: number): StreamNode {
  const node = job.graph.nodes[nodeId];
  assert(node !== undefined, `node ${nodeId} of the plan is not in the graph`);
  return node;
}

function parallelismOf({ parallelisms }: Placed, vertexId: VertexId): number {
  const parallelism = parallelisms.get(vertexId);
  assert(parallelism !== undefined, `no subtask of vertex ${vertexId} is placed`);
  return parallelism;
}

function addressOf({ addresses }: Placed, subtask: string): string {
  const address = addresses.get(parseSubtaskId(subtask).subtaskId);
  assert(address !== undefined, `subtask ${subtask} is not placed`);
  return address;
}
