import { assert, assertNever } from "@millrace/core";
import type { Exchange, OutputGate, OutputPartitioning } from "@millrace/exchange";
import type { StreamNode, UserFunction } from "@millrace/graph";
import { combineSettings, combiningOf } from "@millrace/operators";

import { CombiningGate } from "../chain/combining-gate.ts";
import { keyStepOf, type ChainGate, type OuterStep } from "../chain/operator-chain.ts";
import type { Mailbox } from "../task/task.ts";
import { stepOf, type PlannedOutput, type PlannedSubtask } from "./attempt-plan.ts";
import type { SlotPorts } from "./slot-ports.ts";

interface OutputEnvironment {
  readonly maxParallelism: number;
  readonly ports: SlotPorts;
  readonly exchange: Exchange;
  readonly loop: Mailbox;
}

interface Key {
  readonly select: UserFunction;
  readonly name: string;
}

/** Returns the gate of one edge out of a subtask; it combines records where the plan says so. */
export function createOutput(
  environment: OutputEnvironment,
  subtask: PlannedSubtask,
  output: PlannedOutput,
): ChainGate {
  const { exchange, maxParallelism } = environment;
  const { edge, targets, keyNode } = output;
  const key = keyOf(keyNode);
  const gate = exchange.addOutput({
    edgeIndex: edge.index,
    fromIndex: subtask.subtaskIndex,
    targets,
    partitioning: partitioningOf(output, maxParallelism),
  });
  const emitter = edge.fromOperator ?? subtask.nodes.length - 1;
  const end = {
    after: stepOf(subtask, emitter),
    emitterName: subtask.nodes[emitter]?.name ?? edge.from,
    tag: edge.tag,
  };
  if (key === undefined) return { gate, outer: outerStepOf(output), ...end };
  const hashed = { gate, selectKey: key.select, toNode: output.toNode };
  return { gate: combine(environment, subtask, hashed), outer: keyStepOf(key.name), ...end };
}

function partitioningOf(
  { edge: { partitioning }, keyNode, partitionNode }: PlannedOutput,
  maxParallelism: number,
): OutputPartitioning {
  switch (partitioning.kind) {
    case "hash": {
      const key = keyOf(keyNode);
      assert(key !== undefined, "a hash edge selects a key");
      return { kind: "hash", selectKey: key.select, maxParallelism };
    }
    case "custom": {
      const spec = partitionNode?.spec;
      assert(spec?.kind === "partition" && spec.by === "custom", "a custom edge has a function");
      return { kind: "custom", select: spec.select };
    }
    // Its targets are few already.
    case "rescale":
      return { kind: "rebalance" };
    case "forward":
    case "rebalance":
    case "broadcast":
    case "global":
    case "shuffle":
      return { kind: partitioning.kind };
    default:
      return assertNever(partitioning);
  }
}

/** What runs of the author's while a record is given to the gate, without a key. */
function outerStepOf({ partitionNode }: PlannedOutput): OuterStep {
  if (partitionNode === undefined) return { role: "", name: undefined };
  return { role: "the partition function of", name: partitionNode.name };
}

/** Returns what the `key-by` of a hash edge selects; undefined without one. */
export function keyOf(node: StreamNode | undefined): Key | undefined {
  if (node === undefined) return undefined;
  assert(node.spec.kind === "key-by", `node ${node.name} of a hash edge is a key-by`);
  return { select: node.spec.key, name: node.name };
}

/** Returns the gate itself where records may not be combined. */
function combine(
  { loop, ports }: OutputEnvironment,
  { subtaskId }: PlannedSubtask,
  output: {
    readonly gate: OutputGate;
    readonly selectKey: UserFunction;
    readonly toNode: StreamNode;
  },
): OutputGate {
  const { gate, selectKey, toNode } = output;
  const combining = combiningOf(toNode.spec);
  if (combining === undefined) return gate;
  return new CombiningGate({
    gate,
    selectKey,
    combining,
    settings: ports.combining ?? combineSettings,
    operatorName: toNode.name,
    subtaskId,
    failpoints: ports.failpoints,
    onWake: () => loop.wake(),
    onFull: () => loop.pauseTask(),
    wakeAfter: (delayMs) => loop.wakeAfter(delayMs),
  });
}
