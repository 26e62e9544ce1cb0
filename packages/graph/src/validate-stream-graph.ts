import { isOperatorName } from "@millrace/core";

import { invalidJob } from "./invalid-job.ts";
import {
  hasSideOutputs,
  hasTwoInputs,
  isBesideBroadcast,
  isKeyedKind,
  isTerminalKind,
  isVirtual,
} from "./operator-kind.ts";
import { maxKeyGroups, resolveSettings } from "./resolve-settings.ts";
import { apiVersion, type StreamGraph, type StreamNode } from "./stream-graph.ts";
import { validateOperator } from "./validate-operator.ts";

/** The most operators of a job; keeps plans and generated chains small. */
export const maxOperators = 500;

/**
 * Throws `job-module-invalid` for the first thing that cannot run; the message names the operator
 * and says what to do. Inputs have lower ids than their consumers, so there are no cycles.
 */
export function validateStreamGraph(graph: StreamGraph): void {
  validateJob(graph);
  const names = new Map<string, StreamNode>();
  const consumed = new Set(graph.nodes.flatMap((node) => node.inputs));
  for (const [index, node] of graph.nodes.entries()) {
    validateName(node, names);
    validateInputs(graph, node, index);
    validateParallelism(graph, node);
    validateChaining(node);
    validateSlotSharing(node);
    validateOperator(graph, node);
  }
  // Last: an input that is wrong also leaves the right one unread.
  for (const node of graph.nodes) validateEnd(node, consumed);
}

function validateJob(graph: StreamGraph): void {
  const version: number = graph.apiVersion;
  if (version !== apiVersion) {
    throw invalidJob(
      `the job was written with version ${version} of the API, this is another: bundle it with the matching package`,
    );
  }
  if (!isOperatorName(graph.jobName)) {
    throw invalidJob(`the job's name ${JSON.stringify(graph.jobName)} ${nameRule}`);
  }
  if (graph.nodes.length === 0) {
    throw invalidJob(`job ${graph.jobName} is empty: give it a source with job.source(...)`);
  }
  if (graph.nodes.length > maxOperators) {
    throw invalidJob(
      `job ${graph.jobName} has ${graph.nodes.length} operators, more than ${maxOperators}: split it into several jobs`,
    );
  }
  validateSettings(graph);
}

function validateSettings(graph: StreamGraph): void {
  const { parallelism, maxParallelism, checkpoint, restart } = resolveSettings(graph.settings);
  requireInteger("maxParallelism", maxParallelism, { min: 1, max: maxKeyGroups });
  if (parallelism !== "default") {
    requireInteger("parallelism", parallelism, { min: 1, max: maxParallelism });
  }
  requireInteger("checkpoint interval (ms)", checkpoint.intervalMs, { min: 1 });
  requireInteger("checkpoint timeout (ms)", checkpoint.timeoutMs, { min: 1 });
  requireInteger("checkpoint minimum pause (ms)", checkpoint.minPauseMs, { min: 0 });
  requireInteger("retained checkpoints", checkpoint.retainedCount, { min: 1, max: 1_000 });
  requireInteger("restart.maxFailures", restart.maxFailures, { min: 0 });
}

function requireInteger(
  setting: string,
  value: number,
  { min, max = Number.MAX_SAFE_INTEGER }: { readonly min: number; readonly max?: number },
): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `from ${min} to ${max}`;
  throw invalidJob(`job.defaults: ${setting} is ${value}: give it a whole number ${range}`);
}

const nameRule =
  "is not a name: begin with a letter or digit, then letters, digits, `_`, `.` or `-`, at most 100";

function validateName(node: StreamNode, names: Map<string, StreamNode>): void {
  if (!isOperatorName(node.name)) {
    throw invalidJob(`${node.spec.kind} operator: ${JSON.stringify(node.name)} ${nameRule}`);
  }
  const other = names.get(node.name);
  if (other !== undefined) {
    throw invalidJob(
      `operator ${node.name}: both a ${other.spec.kind} and a ${node.spec.kind} have this name, which identifies state: rename one of them`,
    );
  }
  names.set(node.name, node);
}

function validateInputs(graph: StreamGraph, node: StreamNode, index: number): void {
  if (node.id !== index)
    throw invalidJob(`operator ${node.name}: its id ${node.id} is not its place`);
  const expected = inputRule(node);
  if (!expected.isMet(node.inputs.length)) {
    throw invalidJob(
      `operator ${node.name}: a ${node.spec.kind} takes ${expected.text} and has ${node.inputs.length}: connect it to the stream it reads`,
    );
  }
  for (const [position, id] of node.inputs.entries()) {
    const input = graph.nodes[id];
    if (input === undefined || id >= index) {
      throw invalidJob(
        `operator ${node.name}: its input ${id} is not an operator before it: use only streams of this job`,
      );
    }
    validateInput(node, input, position === 1 && isBesideBroadcast(node.spec));
  }
}

function inputRule(node: StreamNode): {
  readonly text: string;
  readonly isMet: (count: number) => boolean;
} {
  if (node.spec.kind === "source") return { text: "no input", isMet: (count) => count === 0 };
  if (node.spec.kind === "union") return { text: "several inputs", isMet: (count) => count >= 1 };
  if (hasTwoInputs(node.spec)) return { text: "two inputs", isMet: (count) => count === 2 };
  return { text: "one input", isMet: (count) => count === 1 };
}

function validateInput(node: StreamNode, input: StreamNode, isBroadcast: boolean): void {
  if (isTerminalKind(input.spec.kind)) {
    throw invalidJob(
      `operator ${node.name}: its input ${input.name} is a ${input.spec.kind}, after which nothing comes: connect it to the stream before`,
    );
  }
  if (node.spec.kind === "side-output") validateSideOutput(node.spec.tag, node, input);
  if (isKeyedKind(node.spec.kind) && input.spec.kind !== "key-by" && !isBroadcast) {
    throw invalidJob(
      `operator ${node.name}: a ${node.spec.kind} keeps its state by key: put keyBy(...) directly before it`,
    );
  }
}

function validateSideOutput(tag: string, node: StreamNode, input: StreamNode): void {
  if (!isOperatorName(tag)) {
    throw invalidJob(`operator ${node.name}: the tag ${JSON.stringify(tag)} ${nameRule}`);
  }
  if (hasSideOutputs(input.spec.kind)) return;
  throw invalidJob(
    `operator ${node.name}: its input ${input.name} is a ${input.spec.kind}, which emits to no tag: ask the stream that process(...) or a window returns for its side output, before anything else`,
  );
}

function validateParallelism(graph: StreamGraph, node: StreamNode): void {
  if (node.parallelism === undefined) return;
  const { maxParallelism } = resolveSettings(graph.settings);
  const { parallelism } = node;
  if (Number.isSafeInteger(parallelism) && parallelism >= 1 && parallelism <= maxParallelism)
    return;
  throw invalidJob(
    `operator ${node.name}: parallelism ${parallelism} is not a whole number from 1 to the max parallelism ${maxParallelism}: change one of them`,
  );
}

function validateChaining(node: StreamNode): void {
  if (node.chaining === undefined || !isVirtual(node.spec)) return;
  throw invalidJob(
    `operator ${node.name}: startNewChain() and disableChaining() belong to an operator, and a ${node.spec.kind} is none: call them on the stream that the operator returned`,
  );
}

function validateSlotSharing({ name, spec, slotSharingGroup: group }: StreamNode): void {
  if (group === undefined) return;
  if (isVirtual(spec)) {
    throw invalidJob(
      `operator ${name}: slotSharingGroup() belongs to an operator, and a ${spec.kind} is none: call it on the stream that the operator returned`,
    );
  }
  if (isOperatorName(group)) return;
  throw invalidJob(`operator ${name}: the slot sharing group ${JSON.stringify(group)} ${nameRule}`);
}

function validateEnd(node: StreamNode, consumed: ReadonlySet<number>): void {
  if (isTerminalKind(node.spec.kind) || consumed.has(node.id)) return;
  throw invalidJob(
    `operator ${node.name}: nothing reads what this ${node.spec.kind} emits: end it with sink(...) or print(), or remove it`,
  );
}
