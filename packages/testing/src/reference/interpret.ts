import { assert, assertNever } from "@millrace/core";
import type {
  BroadcastProcessSpec,
  ConnectorContext,
  KeyedBroadcastProcessSpec,
  ReduceSpec,
  SourceSpec,
  StreamGraph,
  StreamNode,
} from "@millrace/graph";

import { inputsOf } from "./inputs-of.ts";
import { readSource } from "./read-source.ts";
import type { KeyGroup, SideOutputs, Timed } from "./records.ts";
import { runAsync } from "./run-async.ts";
import { processAfter, runBroadcastProcess, runBroadcasts } from "./run-broadcast-process.ts";
import { runCountWindow } from "./run-count-window.ts";
import { runGeneralWindow } from "./run-general-window.ts";
import { runJoin } from "./run-join.ts";
import { runPlainProcess } from "./run-plain-process.ts";
import { runProcess } from "./run-process.ts";
import { runTable } from "./run-table.ts";
import { runWindow } from "./run-window.ts";

/**
 * Returns what each sink of a bounded job gets in a run without faults, by sink name. It is the
 * oracle of the simulation: one thread, one pass per node over whole arrays, every window by brute
 * force, sharing no code with operators, state or exchange. Order means nothing: compare multisets.
 * All records count as on time.
 */
export async function interpret(
  graph: StreamGraph,
  contextOf: (node: StreamNode) => ConnectorContext,
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const outputs: (readonly Timed[])[] = [];
  const sides: SideOutputs[] = [];
  const sinks = new Map<string, readonly unknown[]>();
  for (const node of graph.nodes) {
    const inputs = inputsOf(graph, node, outputs);
    const side: SideOutputs = new Map();
    sides.push(side);
    if (node.spec.kind === "source") outputs.push(await readTimed(node.spec, contextOf(node)));
    else if (node.spec.kind === "side-output") {
      outputs.push(sides[node.inputs[0] ?? -1]?.get(node.spec.tag) ?? []);
    } else if (node.spec.kind === "async-map") {
      outputs.push(await runAsync(node.spec, inputs.flat(), side));
    } else if (node.spec.kind === "plain-process") {
      outputs.push(await runPlainProcess(node.spec, inputs.flat(), side));
    } else {
      const { name, spec } = node;
      if ("open" in spec) await spec.open?.(openContextOf(name));
      outputs.push(runNode(graph, node, { inputs, side }));
      if ("close" in spec) await spec.close?.();
    }
    if (node.spec.kind === "sink") {
      sinks.set(
        node.name,
        inputs.flat().map(({ value }) => value),
      );
    }
  }
  return sinks;
}

function openContextOf(operatorName: string): unknown {
  return { operatorName, subtaskIndex: 0, parallelism: 1, attempt: 1, isRestored: false };
}

async function readTimed(spec: SourceSpec, context: ConnectorContext): Promise<readonly Timed[]> {
  const { connector, watermarks, check } = spec;
  const records = await readSource(connector, context);
  const checked = check === undefined ? records : records.map((record) => check(record));
  return checked.map((value) => ({ value, atMs: watermarks?.timestamp(value) ?? -Infinity }));
}

function runNode(
  graph: StreamGraph,
  node: StreamNode,
  { inputs, side }: { readonly inputs: readonly (readonly Timed[])[]; readonly side: SideOutputs },
): readonly Timed[] {
  const { spec } = node;
  const input = inputs.flat();
  switch (spec.kind) {
    case "map":
      return input.map(({ value, atMs }) => ({ value: spec.map(value), atMs }));
    case "filter":
      return input.filter(({ value }) => spec.filter(value));
    case "flat-map":
      return input.flatMap(({ value, atMs }) =>
        [...flatten(spec.flatMap, value)].map((each) => ({ value: each, atMs })),
      );
    case "key-by":
    case "union":
    case "rebalance":
    case "partition":
    case "sink":
    case "print":
      return input;
    case "reduce":
      return [...groupByKey(graph, node, inputs)].flatMap(([, group]) => runReduce(spec, group));
    case "window":
      return [...groupByKey(graph, node, inputs)].flatMap(([, group]) =>
        runWindow(spec, group, side),
      );
    case "general-window":
      return [...groupByKey(graph, node, inputs)].flatMap(([, group]) =>
        runGeneralWindow(spec, group, side),
      );
    case "count-window":
      return [...groupByKey(graph, node, inputs)].flatMap(([, group]) =>
        runCountWindow(spec, group, side),
      );
    case "process":
      return [...groupByKey(graph, node, inputs)].flatMap(([, group]) =>
        runProcess(spec, group, side),
      );
    case "join":
      return [...groupByKey(graph, node, inputs)].flatMap(([, group]) => runJoin(spec, group));
    case "table":
      return [...groupByKey(graph, node, inputs)].flatMap(([, group]) => runTable(spec, group));
    case "broadcast-process":
    case "keyed-broadcast-process":
      return runBesideBroadcast(graph, { node, spec }, { inputs, side });
    case "plain-process":
    case "source":
    case "async-map":
    case "side-output":
      throw new Error(`a ${spec.kind} is not run as one pass over its inputs`);
    default:
      return assertNever(spec);
  }
}

function runBesideBroadcast(
  graph: StreamGraph,
  {
    node,
    spec,
  }: {
    readonly node: StreamNode;
    readonly spec: BroadcastProcessSpec | KeyedBroadcastProcessSpec;
  },
  { inputs, side }: { readonly inputs: readonly (readonly Timed[])[]; readonly side: SideOutputs },
): readonly Timed[] {
  const [records = [], broadcast = []] = inputs;
  const result = runBroadcasts(spec, broadcast);
  const width = node.parallelism ?? graph.settings.parallelism ?? 1;
  const emitted = Array.from({ length: width }, () => result.emitted).flat();
  if (spec.kind === "broadcast-process") {
    return [...emitted, ...runBroadcastProcess(spec, records, result)];
  }
  const process = processAfter(spec, result);
  const groups = [...groupByKey(graph, node, [records])];
  return [...emitted, ...groups.flatMap(([, group]) => runProcess(process, group, side))];
}

function flatten(
  flatMap: (value: unknown, emit: (each: unknown) => void) => Iterable<unknown> | undefined,
  value: unknown,
): readonly unknown[] {
  const emitted: unknown[] = [];
  const returned = flatMap(value, (each) => void emitted.push(each));
  return [...emitted, ...(returned ?? [])];
}

function groupByKey(
  graph: StreamGraph,
  node: StreamNode,
  inputs: readonly (readonly Timed[])[],
): ReadonlyMap<string, KeyGroup> {
  const groups = new Map<string, KeyGroup>();
  for (const [input, records] of inputs.entries()) {
    const keyNode = graph.nodes[node.inputs[input] ?? -1];
    assert(keyNode?.spec.kind === "key-by", `operator ${node.name} is not behind a key-by`);
    for (const record of records) {
      const key: unknown = keyNode.spec.key(record.value);
      const name = `${typeof key}:${JSON.stringify(key)}`;
      const group = groups.get(name) ?? { key, records: [] };
      groups.set(name, group);
      group.records.push({ ...record, input });
    }
  }
  return groups;
}

function runReduce(spec: ReduceSpec, { key, records }: KeyGroup): readonly Timed[] {
  let accumulated: unknown;
  return records.map(({ value, atMs }, index) => {
    accumulated = index === 0 ? spec.create(value) : spec.add(accumulated, value);
    return { value: spec.result(accumulated, key), atMs };
  });
}
