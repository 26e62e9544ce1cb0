import { isOperatorName, parseVertexId, StreamError, type JsonValue } from "@millrace/core";
import { z } from "zod";

import type { JobEdge, JobGraph, JobVertex } from "./job-graph.ts";
import { maxKeyGroups } from "./resolve-settings.ts";
import { maxOperators } from "./validate-stream-graph.ts";

/** The longest plan that is read, in UTF-16 code units. */
export const maxPlanLength: number = 4 * 1024 * 1024;

const operatorName = z.string().refine(isOperatorName, "is not an operator name");
const vertexId = operatorName.transform((text) => parseVertexId(text));
const count = z.int().min(0);
const parallelism = z.union([z.int().min(1).max(maxKeyGroups), z.literal("default")]);
// All that JSON.parse returns is JSON; `z.json()` would copy it, and lose fields named __proto__.
const jsonValue: z.ZodType<JsonValue> = z.custom<JsonValue>((value) => value !== undefined);

const operatorSchema = z.strictObject({
  name: operatorName,
  nodeId: count,
  kind: z.enum([
    "source",
    "map",
    "filter",
    "flat-map",
    "reduce",
    "window",
    "general-window",
    "count-window",
    "process",
    "async-map",
    "join",
    "table",
    "plain-process",
    "broadcast-process",
    "keyed-broadcast-process",
    "sink",
    "print",
  ]),
  isKeyed: z.boolean(),
  hasState: z.boolean(),
  after: count.exactOptional(),
  alignment: z
    .strictObject({ group: operatorName, maxDriftMs: z.number().positive() })
    .exactOptional(),
  options: jsonValue,
});

const edgeSchema = z.strictObject({
  index: count,
  from: vertexId,
  to: vertexId,
  partitioning: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("forward") }),
    z.strictObject({
      kind: z.literal(["rebalance", "rescale", "broadcast", "global", "shuffle"]),
    }),
    z.strictObject({ kind: z.literal("custom"), nodeId: count }),
    z.strictObject({ kind: z.literal("hash"), keyNodeId: count }),
  ]),
  input: z.literal(1).exactOptional(),
  fromOperator: count.exactOptional(),
  tag: operatorName.exactOptional(),
});

const jobGraphSchema = z.strictObject({
  formatVersion: z.literal(1),
  apiVersion: z.int().min(1),
  jobName: operatorName,
  baseDirectory: z.string().max(4_096),
  vertices: z
    .array(
      z.strictObject({
        id: vertexId,
        operators: z.array(operatorSchema).min(1).max(maxOperators),
        parallelism,
        slotSharingGroup: operatorName.exactOptional(),
      }),
    )
    .min(1)
    .max(maxOperators),
  edges: z.array(edgeSchema).max(maxOperators * 10),
  settings: z.strictObject({
    parallelism,
    maxParallelism: z.int().min(1).max(maxKeyGroups),
    checkpoint: z.strictObject({
      intervalMs: z.int().min(1),
      timeoutMs: z.int().min(1),
      minPauseMs: count,
      retainedCount: z.int().min(1).max(1_000),
    }),
    restart: z.strictObject({ maxFailures: count }),
  }),
});

/**
 * Returns the plan that a JSON text holds. Throws `invalid-argument` that names the place, if it is
 * too long, is not JSON, or does not fit together.
 */
export function parseJobGraph(json: string): JobGraph {
  if (json.length > maxPlanLength) {
    throw refuse(`it has ${json.length} characters, more than ${maxPlanLength}`);
  }
  const parsed = jobGraphSchema.safeParse(parseJson(json));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "unknown"}`);
  }
  checkVertices(parsed.data.vertices, parsed.data.settings.maxParallelism);
  checkEdges(parsed.data.vertices, parsed.data.edges);
  return parsed.data;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw refuse("it is not JSON", cause);
  }
}

function checkVertices(vertices: readonly JobVertex[], maxParallelism: number): void {
  const names = new Set<string>();
  for (const { id, operators, parallelism: own } of vertices) {
    if (id !== operators[0]?.name) throw refuse(`vertex ${id} is not named by its first operator`);
    if (own !== "default" && own > maxParallelism) {
      throw refuse(`vertex ${id} has parallelism ${own}, above the maximum ${maxParallelism}`);
    }
    for (const [index, { name, after }] of operators.entries()) {
      if (names.has(name)) throw refuse(`operator ${name} appears twice`);
      names.add(name);
      if (after !== undefined && after >= index) {
        throw refuse(`operator ${name} takes the results of one that does not stand before it`);
      }
    }
  }
}

function checkEdges(vertices: readonly JobVertex[], edges: readonly JobEdge[]): void {
  const places = new Map(vertices.map(({ id }, index) => [id, index] as const));
  for (const [index, edge] of edges.entries()) {
    const from = places.get(edge.from);
    const to = places.get(edge.to);
    if (edge.index !== index) throw refuse(`edge ${edge.index} stands at ${index}`);
    if (from === undefined || to === undefined || from >= to) {
      throw refuse(`edge ${index} from ${edge.from} to ${edge.to} does not lead onwards`);
    }
    if ((edge.fromOperator ?? 0) >= (vertices[from]?.operators.length ?? 0)) {
      throw refuse(
        `edge ${index} comes from operator ${edge.fromOperator}, which ${edge.from} has not`,
      );
    }
    if (edge.partitioning.kind === "forward") {
      checkForward(edge, vertices[from]?.parallelism, vertices[to]?.parallelism);
    }
  }
}

function checkForward(
  edge: JobEdge,
  ...[from, to]: readonly (JobVertex["parallelism"] | undefined)[]
): void {
  if (from === to) return;
  throw refuse(
    `edge ${edge.index} from ${edge.from} to ${edge.to} forwards to another parallelism`,
  );
}

function refuse(problem: string, cause?: unknown): StreamError {
  return new StreamError(
    "invalid-argument",
    `the plan is not valid: ${problem}; submit a plan of the same version, made by \`millrace run\``,
    { domain: "user", retry: "never", cause },
  );
}
