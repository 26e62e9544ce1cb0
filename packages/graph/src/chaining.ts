import { assert, parseVertexId, type VertexId } from "@millrace/core";

import { invalidJob } from "./invalid-job.ts";
import type { JobGraph, JobVertex, Partitioning, PlannedOperator } from "./job-graph.ts";
import { hasTwoInputs, isHeadKind, isVirtual } from "./operator-kind.ts";
import { planOperator } from "./plan-operator.ts";
import { defaultSlotSharingGroup, slotSharingGroupsOf } from "./slot-sharing.ts";
import type { StreamGraph, StreamNode } from "./stream-graph.ts";

/** What more would follow begins a vertex of its own: a chain is compiled as a whole. */
const maxChained = 100;

/**
 * Which operators run in one subtask, and the edges between the others. Virtual nodes (`key-by`,
 * `union`, `rebalance`, `partition`) become the partitioning of edges: the one nearest to the consumer decides.
 * A `side-output` becomes an edge's tag.
 *
 * I1 A node joins its input's vertex only if it has no other input, is reached without a partitioner
 *    or a tag, is neither keyed nor async, both have the same parallelism and slot sharing group, and
 *    neither's author wants it otherwise. Several consumers of one node all join it, as in Flink: a
 *    channel to each of them would cost more than most of them do.
 * I2 Vertices stand in the order of their first node, which is topological: inputs have lower ids.
 */
export function chainOperators(graph: StreamGraph): Pick<JobGraph, "vertices" | "edges"> {
  const physical = graph.nodes.filter((node) => !isVirtual(node.spec));
  const links = physical.flatMap((node) => linksTo(graph, node));
  const groups = slotSharingGroupsOf(graph);
  const chains = findChains(physical, links, groups);
  const chained = new Set(chains.flatMap((chain) => chain.slice(1)));
  const inputs = new Map(links.map(({ from, to }) => [to, from] as const));
  const places = new Map<StreamNode, Place>();
  for (const chain of chains) {
    const id = parseVertexId(firstOf(chain).name);
    for (const [index, node] of chain.entries()) {
      places.set(node, { id, index, isLast: index === chain.length - 1 });
    }
  }
  return {
    vertices: chains.map((chain) => planVertex(chain, { inputs, groups })),
    edges: links
      .filter(({ to }) => !chained.has(to))
      .map(({ from, to, partitioning, input, tag }, index) => {
        const source = placeOf(places, from);
        return {
          index,
          from: source.id,
          to: placeOf(places, to).id,
          partitioning,
          ...(input === undefined ? {} : { input }),
          ...(source.isLast ? {} : { fromOperator: source.index }),
          ...(tag === undefined ? {} : { tag }),
        };
      }),
  };
}

/** The default group is left out, so that the plan of a job without groups is what it always was. */
function planVertex(
  chain: readonly StreamNode[],
  {
    inputs,
    groups,
  }: {
    readonly inputs: ReadonlyMap<StreamNode, StreamNode>;
    readonly groups: readonly string[];
  },
): JobVertex {
  const { id, name, parallelism = "default" } = firstOf(chain);
  const group = groups[id];
  const isDefault = group === undefined || group === defaultSlotSharingGroup;
  return {
    id: parseVertexId(name),
    operators: chain.map((node, index) => ({
      ...planOperator(node),
      ...(index === 0 ? {} : afterOf(chain, { index, input: inputs.get(node) })),
    })),
    parallelism,
    ...(isDefault ? {} : { slotSharingGroup: group }),
  };
}

/** Where a node is in the plan. */
interface Place {
  readonly id: VertexId;
  readonly index: number;
  readonly isLast: boolean;
}

/** Nothing for what takes the results of the node before it, so that plain chains read as such. */
function afterOf(
  chain: readonly StreamNode[],
  { index, input }: { readonly index: number; readonly input: StreamNode | undefined },
): Pick<PlannedOperator, "after"> {
  const after = input === undefined ? -1 : chain.indexOf(input);
  assert(after >= 0 && after < index, `what is chained stands behind its input`);
  return after === index - 1 ? {} : { after };
}

/** A way that records take from one physical node to another. */
interface Link {
  readonly from: StreamNode;
  readonly to: StreamNode;
  readonly partitioning: Partitioning;
  readonly input: 1 | undefined;
  readonly tag: string | undefined;
}

interface Step {
  readonly nodeId: number;
  readonly input: 1 | undefined;
  /** By the virtual node nearest to the consumer, once one was met. */
  readonly partitioning: Partitioning | undefined;
  /** Of the side output that was met; the node before it emits to it. */
  readonly tag: string | undefined;
}

/** Returns the links into a physical node, back through virtual nodes, in the order of inputs. */
function linksTo(graph: StreamGraph, to: StreamNode): readonly Link[] {
  const links: Link[] = [];
  const hasTwo = hasTwoInputs(to.spec);
  const open: Step[] = to.inputs.map((nodeId, position) => ({
    nodeId,
    input: hasTwo && position === 1 ? 1 : undefined,
    partitioning: undefined,
    tag: undefined,
  }));
  for (let step = open.shift(); step !== undefined; step = open.shift()) {
    const from = graph.nodes[step.nodeId];
    assert(from !== undefined, `node ${to.id} has the input ${step.nodeId}, which is not there`);
    if (isVirtual(from.spec)) {
      const partitioning = step.partitioning ?? partitioningOf(from);
      const tag = from.spec.kind === "side-output" ? from.spec.tag : step.tag;
      open.unshift(...from.inputs.map((nodeId) => ({ ...step, nodeId, partitioning, tag })));
    } else {
      const partitioning = step.partitioning ?? directPartitioning(from, to);
      if (partitioning.kind === "forward") checkForward(from, to);
      links.push({ from, to, partitioning, input: step.input, tag: step.tag });
    }
  }
  return links;
}

function partitioningOf(node: StreamNode): Partitioning | undefined {
  const { spec } = node;
  if (spec.kind === "key-by") return { kind: "hash", keyNodeId: node.id };
  if (spec.kind === "rebalance") return { kind: "rebalance" };
  if (spec.kind !== "partition") return undefined;
  return spec.by === "custom" ? { kind: "custom", nodeId: node.id } : { kind: spec.by };
}

/** `default` beside a number may or may not turn out equal: only equal words forward. */
function directPartitioning(from: StreamNode, to: StreamNode): Partitioning {
  return { kind: from.parallelism === to.parallelism ? "forward" : "rebalance" };
}

/** Only `forward()` asks for what cannot be: an edge by itself forwards only where it can. */
function checkForward(from: StreamNode, to: StreamNode): void {
  if (from.parallelism === to.parallelism) return;
  const [left, right] = [from, to].map(({ parallelism }) => parallelism ?? "the job's");
  throw invalidJob(
    `operator ${to.name}: forward() leads from subtask to subtask, but ${from.name} has parallelism ${left} and ${to.name} ${right}: give both the same, or use rescale()`,
  );
}

function findChains(
  physical: readonly StreamNode[],
  links: readonly Link[],
  groups: readonly string[],
): readonly (readonly StreamNode[])[] {
  const incoming = Map.groupBy(links, ({ to }) => to);
  const chainOf = new Map<StreamNode, StreamNode[]>();
  for (const node of physical) {
    const [link, ...others] = incoming.get(node) ?? [];
    const isOnlyLink = link !== undefined && others.length === 0;
    const isDirect = link?.partitioning.kind === "forward" && link.tag === undefined;
    const isWanted = node.chaining === undefined && link?.from.chaining !== "never";
    const isInSlot = link !== undefined && groups[link.from.id] === groups[node.id];
    const canChain = isOnlyLink && isDirect && isWanted && isInSlot;
    const isChained = canChain && !isHeadKind(node.spec.kind);
    const inputChain = isChained ? chainOf.get(link.from) : undefined;
    const chain = inputChain === undefined || inputChain.length >= maxChained ? [] : inputChain;
    chain.push(node);
    chainOf.set(node, chain);
  }
  return [...new Set(chainOf.values())];
}

function firstOf(chain: readonly StreamNode[]): StreamNode {
  const [first] = chain;
  assert(first !== undefined, "a chain is never empty");
  return first;
}

function placeOf(places: ReadonlyMap<StreamNode, Place>, node: StreamNode): Place {
  const place = places.get(node);
  assert(place !== undefined, `node ${node.id} is in no chain`);
  return place;
}
