import { StreamError } from "@millrace/core";

import type { SinkConnector, SourceConnector } from "./connector.ts";
import { planJob } from "./plan-job.ts";
import {
  apiVersion,
  type JobSettings,
  type OperatorSpec,
  type StreamGraph,
  type SourceSpec,
  type StreamNode,
  type WindowSpec,
} from "./stream-graph.ts";

/** A node as tests write it: name, inputs by name, spec. */
export interface TestNode {
  readonly name: string;
  readonly inputs?: readonly string[];
  readonly parallelism?: number;
  readonly chaining?: "head" | "never";
  readonly slotSharingGroup?: string;
  readonly spec: OperatorSpec;
}

/** Returns a graph of the nodes, ids by place. */
export function graphOf(nodes: readonly TestNode[], settings: JobSettings = {}): StreamGraph {
  const names = nodes.map(({ name }) => name);
  return {
    apiVersion,
    jobName: "test-job",
    baseDirectory: "/base",
    nodes: nodes.map(({ inputs = [], ...own }, id): StreamNode => ({
      id,
      inputs: inputs.map((input) => names.indexOf(input)),
      ...own,
    })),
    settings,
  };
}

/** Returns why the graph cannot be planned; the code `accepted` where it can. */
export function refusalOf(graph: StreamGraph): { readonly code: string; readonly message: string } {
  try {
    planJob(graph);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    return { code: error.code, message: error.message };
  }
  return { code: "accepted", message: "" };
}

const connector: SourceConnector<unknown> = {
  connector: "memory",
  options: { path: "/base/in" },
  canReplay: true,
  discover: () => Promise.resolve([]),
  createReader: () => {
    throw new Error("tests of plans read nothing");
  },
};

const sinkConnector: SinkConnector<unknown> = {
  connector: "memory",
  options: { path: "/base/out" },
  guarantee: "exactly-once",
  createWriter: () => {
    throw new Error("tests of plans write nothing");
  },
};

/** Specs that tests build graphs of. */
export const specs: {
  readonly source: SourceSpec;
  readonly timeless: SourceSpec;
  readonly window: WindowSpec;
} & Readonly<
  Record<
    | "map"
    | "filter"
    | "keyBy"
    | "union"
    | "rebalance"
    | "broadcast"
    | "rescale"
    | "forward"
    | "custom"
    | "sideOutput"
    | "reduce"
    | "process"
    | "connected"
    | "sink"
    | "print",
    OperatorSpec
  >
> = {
  source: {
    kind: "source",
    connector,
    watermarks: { timestamp: () => 0, outOfOrdernessMs: 5 },
  },
  timeless: { kind: "source", connector },
  map: { kind: "map", map: (value: unknown) => value },
  filter: { kind: "filter", filter: () => true },
  keyBy: { kind: "key-by", key: () => "" },
  union: { kind: "union" },
  rebalance: { kind: "rebalance" },
  broadcast: { kind: "partition", by: "broadcast" },
  rescale: { kind: "partition", by: "rescale" },
  forward: { kind: "partition", by: "forward" },
  custom: { kind: "partition", by: "custom", select: () => 0 },
  sideOutput: { kind: "side-output", tag: "late" },
  reduce: { kind: "reduce", create: () => 0, add: () => 0, result: () => 0 },
  window: {
    kind: "window",
    assigner: { kind: "tumbling", sizeMs: 1_000, offsetMs: 0 },
    allowedLatenessMs: 0,
    aggregate: { create: () => 0, add: () => 0, merge: () => 0, result: () => 0 },
  },
  process: { kind: "process", state: {}, onRecord: () => {} },
  connected: { kind: "process", state: {}, onRecord: () => {}, onSecond: () => {} },
  sink: { kind: "sink", connector: sinkConnector },
  print: { kind: "print", label: "" },
};
