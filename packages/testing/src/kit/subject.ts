import { StreamError, type JsonValue, type LocalDisk } from "@millrace/core";
import {
  resolvePath,
  validateStreamGraph,
  type JobDefinition,
  type SourceConnector,
  type SourceSpec,
  type StreamGraph,
  type StreamNode,
} from "@millrace/graph";
import { createMemoryDisk } from "@millrace/platform";

import { createOracleContext } from "../reference/oracle-context.ts";
import { readSource } from "../reference/read-source.ts";
import { createSimSource } from "../sim/sim-connectors.ts";

/** What a job under test reads, beside its code. */
export interface JobInputs {
  /** What the submission would pass to the job's function. */
  readonly params?: Readonly<Record<string, JsonValue>>;
  /** Records by the name of the source that they stand in for; its watermarks stay. */
  readonly inputs?: Readonly<Record<string, readonly unknown[]>>;
  /** Texts by path, for sources that read the local disk; relative paths resolve against `/`. */
  readonly files?: Readonly<Record<string, string>>;
}

/** How the records of `inputs` are cut: into splits one behind the other, read in batches. */
export interface InputCut {
  readonly splitCount: number;
  readonly batchSize: number;
}

/** A job under test: what is the same in all of its runs. */
export interface Subject {
  readonly job: JobDefinition;
  /** Of each source, by name. */
  readonly recordCounts: ReadonlyMap<string, number>;
  /** Runs the author's function, as each slot does, and puts the inputs in. */
  readonly build: (cut: InputCut) => StreamGraph;
  /** Puts what the sources read from the local disk there. */
  readonly writeFiles: (disk: LocalDisk) => Promise<void>;
}

/**
 * Returns the job with its inputs, read once. Throws `invalid-argument` for inputs without a source
 * and for a source that cannot be read again, `job-module-invalid` for a graph that no cluster would
 * take, and what the job's function or a source throws.
 */
export async function createSubject(job: JobDefinition, given: JobInputs): Promise<Subject> {
  const { params = {}, inputs = {}, files = {} } = given;
  const build = (cut: InputCut): StreamGraph => {
    const graph = job.build({ params, baseDirectory: "/" });
    return mapSources(graph, ({ name, spec }) => {
      const records = inputs[name];
      return records === undefined ? spec : { ...spec, connector: replace(spec, records, cut) };
    });
  };
  const writeFiles = async (disk: LocalDisk): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await disk.writeFile(resolvePath("/", path), new TextEncoder().encode(text));
    }
  };
  const graph = build({ splitCount: 1, batchSize: 512 });
  validateStreamGraph(graph);
  checkNames(graph, Object.keys(inputs));
  const disk = createMemoryDisk();
  await writeFiles(disk);
  const recordCounts = new Map<string, number>();
  for (const { name, spec } of graph.nodes) {
    if (spec.kind !== "source") continue;
    checkReplayable(job.name, name, spec.connector);
    const records = await readSource(spec.connector, createOracleContext(name, disk));
    recordCounts.set(name, records.length);
  }
  return { job, recordCounts, build, writeFiles };
}

/** Returns the graph with another spec for each of its sources. */
export function mapSources(
  graph: StreamGraph,
  change: (source: { readonly name: string; readonly spec: SourceSpec }) => SourceSpec,
): StreamGraph {
  const nodes = graph.nodes.map((node): StreamNode => {
    const { name, spec } = node;
    return spec.kind === "source" ? { ...node, spec: change({ name, spec }) } : node;
  });
  return { ...graph, nodes };
}

function replace(
  spec: SourceSpec,
  records: readonly unknown[],
  { splitCount, batchSize }: InputCut,
): SourceConnector<unknown> {
  const size = Math.max(1, Math.ceil(records.length / splitCount));
  const splits = Array.from({ length: Math.ceil(records.length / size) }, (_, index) =>
    records.slice(index * size, (index + 1) * size),
  );
  return createSimSource({ splits, batchSize, timestamp: rawTimestampOf(spec) });
}

/** Returns the event time of records as they come, which a check may make others of. */
export function rawTimestampOf({
  watermarks,
  check,
}: SourceSpec): ((record: unknown) => number) | undefined {
  if (watermarks === undefined || check === undefined) return watermarks?.timestamp;
  return (record) => watermarks.timestamp(check(record));
}

function checkNames({ jobName, nodes }: StreamGraph, names: readonly string[]): void {
  const sources = nodes.filter(({ spec }) => spec.kind === "source").map(({ name }) => name);
  const unknown = names.find((name) => !sources.includes(name));
  if (unknown === undefined) return;
  throw new StreamError(
    "invalid-argument",
    `inputs names ${unknown}, but the sources of job ${jobName} are ${sources.join(", ")}: correct the name`,
    { domain: "user", retry: "never" },
  );
}

function checkReplayable(
  jobName: string,
  name: string,
  { canReplay }: SourceConnector<unknown>,
): void {
  if (canReplay) return;
  throw new StreamError(
    "invalid-argument",
    `source ${name} of job ${jobName} cannot be read again: give its records as inputs.${name}`,
    { domain: "user", retry: "never" },
  );
}
