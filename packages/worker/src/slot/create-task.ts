import {
  assert,
  assertNever,
  InvariantError,
  keyGroupRangeOf,
  type AttemptRef,
  type JsonValue,
} from "@millrace/core";
import type { Exchange } from "@millrace/exchange";
import {
  isCombined,
  type ConnectorContext,
  type SourceReader,
  type SourceSpec,
} from "@millrace/graph";
import { AsyncOperator, createCheckedReader, createOperator } from "@millrace/operators";
import type { KeyedBackend } from "@millrace/state";

import type { ChainStep } from "../chain/compile-chain.ts";
import { OperatorChain, type ChainGate } from "../chain/operator-chain.ts";
import { InputGate } from "../input/input-gate.ts";
import { AsyncTask } from "../task/async-task.ts";
import { OperatorTask } from "../task/operator-task.ts";
import { ProcessingTime } from "../task/processing-time.ts";
import { chooseEntries, parseSourceEntry } from "../task/source-entry.ts";
import { SourceTask } from "../task/source-task.ts";
import { SubtaskContext } from "../task/subtask-context.ts";
import type { Task } from "../task/task.ts";
import { stepOf, type PlannedSubtask } from "./attempt-plan.ts";
import { createOutput, keyOf } from "./create-output.ts";
import { readerHolder, type Holder } from "./holder.ts";
import { listEntriesOf, restoreKeyed, type RestoredState } from "./restored-state.ts";
import type { SlotLoop } from "./slot-loop.ts";
import type { SlotPorts } from "./slot-ports.ts";

/** What the tasks of one attempt share. */
export interface TaskEnvironment {
  readonly ref: AttemptRef;
  readonly maxParallelism: number;
  readonly ports: SlotPorts;
  readonly exchange: Exchange;
  readonly loop: SlotLoop;
  /** Throws where nothing of the attempt may start any more. */
  readonly checkNotOver: () => void;
  /** Told of each chain before its operators have state, and of each reader before it has splits. */
  readonly onCreated: (holder: Holder) => void;
}

export interface CreatedTask {
  readonly task: Task;
  readonly restoredBytes: number;
  /** Of sources: where reading goes on, in words. */
  readonly sourcePositions: string | undefined;
}

/** Returns a subtask's task with its channels opened, its operators too, and its state restored. */
export async function createTask(
  environment: TaskEnvironment,
  subtask: PlannedSubtask,
  state: RestoredState,
): Promise<CreatedTask> {
  const { loop, ports } = environment;
  environment.checkNotOver();
  const gates = subtask.outputs.map((output) => createOutput(environment, subtask, output));
  const keyed = createKeyed(environment, subtask);
  const processingTime = new ProcessingTime(ports.clock);
  const chain = createChain(environment, subtask, { gates, keyed, processingTime });
  environment.onCreated(chain.hooks);
  const [first] = subtask.vertex.operators;
  if (keyed !== undefined && first !== undefined) {
    await restoreKeyed(keyed, { state, operator: first.name, turn: ports.turn });
  }
  await chain.hooks.restoreLists((name) => listEntriesOf(state, name));
  await chain.hooks.start(state.checkpointId !== undefined);
  environment.checkNotOver();
  const context = new SubtaskContext({
    subtaskId: subtask.subtaskId,
    vertexId: subtask.vertex.id,
    subtaskIndex: subtask.subtaskIndex,
    parallelism: subtask.parallelism,
    chain,
    gates: gates.map(({ gate }) => gate),
    clock: ports.clock,
    readCpuMs: ports.readCpuMs ?? (() => ports.clock.monotonicMs()),
    processingTime,
    mailbox: loop,
  });
  const source = sourceOf(subtask);
  const task =
    source === undefined
      ? createOperatorTask(environment, { subtask, context, state })
      : createSourceTask(environment, { subtask, context, state, source });
  const sourcePositions = task instanceof SourceTask ? task.describePositions() : undefined;
  ports.logger.log(
    "info",
    state.checkpointId === undefined ? "subtask starts" : "subtask restored",
    {
      subtaskId: subtask.subtaskId,
      checkpointId: state.checkpointId,
      restoredBytes: state.sizeBytes,
      cellCount: chain.cellCount(),
      watermarkMs: state.watermarkMs,
      sourcePositions,
    },
  );
  return { task, restoredBytes: state.sizeBytes, sourcePositions };
}

interface TaskParts {
  readonly subtask: PlannedSubtask;
  readonly context: SubtaskContext;
  readonly state: RestoredState;
}

function createOperatorTask(
  { exchange, ports }: TaskEnvironment,
  { subtask, context, state }: TaskParts,
): Task {
  context.chain.restoreWatermark(state.watermarkMs);
  const [first] = subtask.nodes;
  const isCombinedHere = first !== undefined && isCombined(first.spec);
  const consumers = new Map(
    subtask.inputs.map(({ edge, keyNode }) => {
      const key = keyOf(keyNode);
      const isSecond = edge.input === 1;
      const entry = context.chain.entryFor(key, { isCombined: isCombinedHere, isSecond });
      return [edge.index, entry];
    }),
  );
  const channels = subtask.inputs.flatMap(({ edge, fromIndexes }) =>
    fromIndexes.map((fromIndex) =>
      exchange.addInput({ edgeIndex: edge.index, fromIndex, toIndex: subtask.subtaskIndex }),
    ),
  );
  const input = new InputGate({
    channels,
    clock: ports.clock,
    failpoints: ports.failpoints,
    restoredWatermarkMs: state.watermarkMs,
  });
  const [head] = context.chain.operators();
  if (head instanceof AsyncOperator) return new AsyncTask({ context, input, consumers, head });
  return new OperatorTask({ context, input, consumers });
}

function createSourceTask(
  environment: TaskEnvironment,
  { subtask, context, state, source }: TaskParts & { readonly source: SourceNode },
): SourceTask {
  const { name, spec } = source;
  const connectorContext = connectorContextOf(environment, subtask, name);
  const entries = listEntriesOf(state, name);
  const isRepeated = spec.connector.rediscoverMs !== undefined;
  const isDiscovering = subtask.subtaskIndex === 0 && (entries.length === 0 || isRepeated);
  const reader = readerOf(spec, connectorContext);
  environment.onCreated(readerHolder(reader, { subtask: subtask.subtaskId, operator: name }));
  return new SourceTask({
    context,
    operatorName: name,
    spec,
    reader,
    restored: ownEntries(environment, subtask, entries).map((entry) =>
      parseSourceEntry(entry, name),
    ),
    discover: isDiscovering ? async () => spec.connector.discover(connectorContext) : undefined,
  });
}

function readerOf(
  { connector, check }: SourceSpec,
  context: ConnectorContext,
): SourceReader<unknown> {
  const reader = connector.createReader(context);
  return check === undefined ? reader : createCheckedReader(reader, check);
}

function ownEntries(
  { ports }: TaskEnvironment,
  subtask: PlannedSubtask,
  entries: readonly JsonValue[],
): readonly JsonValue[] {
  const isLosing = ports.failpoints.isActive("split-lost-on-restore");
  const kept = isLosing ? entries.slice(0, subtask.parallelism - 1) : entries;
  return chooseEntries(kept, subtask);
}

interface SourceNode {
  readonly name: string;
  readonly spec: SourceSpec;
}

function sourceOf({ nodes }: PlannedSubtask): SourceNode | undefined {
  const [first] = nodes;
  return first?.spec.kind === "source" ? { name: first.name, spec: first.spec } : undefined;
}

function createChain(
  environment: TaskEnvironment,
  subtask: PlannedSubtask,
  parts: {
    readonly gates: readonly ChainGate[];
    readonly keyed: KeyedBackend | undefined;
    readonly processingTime: ProcessingTime;
  },
): OperatorChain {
  const { loop } = environment;
  return new OperatorChain({
    subtaskId: subtask.subtaskId,
    steps: chainSteps(environment, subtask),
    gates: parts.gates,
    keyed: parts.keyed,
    maxParallelism: environment.maxParallelism,
    contextOf: (name) => ({
      ...connectorContextOf(environment, subtask, name),
      processingTimeMs: () => parts.processingTime.nowMs(),
      turnTimeMs: () => parts.processingTime.turnMs(),
      printLine: (text) => loop.printLine(subtask.subtaskId, text),
    }),
  });
}

/** The source itself is no step of its chain. */
function chainSteps(
  { ports, loop }: TaskEnvironment,
  subtask: PlannedSubtask,
): readonly ChainStep[] {
  const { nodes, vertex } = subtask;
  return nodes.flatMap(({ name, spec }, index): readonly ChainStep[] => {
    const planned = vertex.operators[index];
    assert(planned !== undefined, `operator ${name} is planned`);
    const { after } = planned;
    const place = after === undefined ? { name } : { name, after: stepOf(subtask, after) };
    switch (spec.kind) {
      case "source":
        return [];
      case "map":
        return [{ kind: "map", ...place, call: spec.map }];
      case "filter":
        return [{ kind: "filter", ...place, call: spec.filter }];
      case "flat-map":
        return [{ kind: "flat-map", ...place, call: spec.flatMap }];
      case "key-by":
      case "union":
      case "rebalance":
      case "partition":
      case "side-output":
        throw new InvariantError(`node ${name} is virtual and in no chain`);
      case "reduce":
      case "window":
      case "general-window":
      case "count-window":
      case "process":
      case "join":
      case "table":
      case "plain-process":
      case "broadcast-process":
      case "keyed-broadcast-process":
      case "sink":
      case "print": {
        const operator = createOperator(spec, planned, ports.failpoints);
        return [{ kind: "operator", ...place, operator }];
      }
      case "async-map": {
        const { random, turn, failpoints } = ports;
        const wake = (): void => loop.wake();
        const operator = new AsyncOperator(spec, { wake, random, turn, failpoints });
        return [{ kind: "operator", ...place, operator }];
      }
      default:
        return assertNever(spec);
    }
  });
}

function createKeyed(
  { maxParallelism, ports }: TaskEnvironment,
  { vertex, subtaskIndex, parallelism }: PlannedSubtask,
): KeyedBackend | undefined {
  const [first] = vertex.operators;
  if (first?.isKeyed !== true) return undefined;
  return ports.createKeyedBackend({
    operatorName: first.name,
    groups: keyGroupRangeOf({ maxParallelism, parallelism, subtaskIndex }),
    maxParallelism,
    failpoints: ports.failpoints,
  });
}

function connectorContextOf(
  { ref, ports }: TaskEnvironment,
  subtask: PlannedSubtask,
  operatorName: string,
): ConnectorContext {
  const { subtaskIndex, parallelism, subtaskId } = subtask;
  return {
    jobId: ref.jobId,
    operatorName,
    subtaskIndex,
    parallelism,
    attempt: ref.attempt,
    disk: ports.disk,
    clock: ports.clock,
    logger: ports.logger.with({ subtaskId, operator: operatorName }),
  };
}
