import {
  expandExecutionGraph,
  planJob,
  type JobDefinition,
  type StreamGraph,
  type StreamNode,
} from "@millrace/graph";

import { drawFaults } from "../sim/fault-schedule.ts";
import type { Fault } from "../sim/fault.ts";
import { InvariantViolation } from "../sim/invariant-checker.ts";
import { longestFaultMs, runJob, type RunReport } from "../sim/run-job.ts";
import { createSeededRandom, type SeededRandom } from "../sim/seeded-random.ts";
import { SimCluster } from "../sim/sim-cluster.ts";
import { createSimSink, type SimSinkTarget } from "../sim/sim-connectors.ts";
import { mapSources, type InputCut, type Subject } from "./subject.ts";

export interface SubjectRunOptions {
  readonly seed: string;
  /** `drawn`: what the seed draws; `none` also leaves the job its own pace. */
  readonly faults: "none" | "drawn" | readonly Fault[];
  /** In place of what the job sets, or of what the seed draws. */
  readonly parallelism?: number | undefined;
  /** The parallelism at which the job goes on after its third checkpoint; it is not killed unless set. */
  readonly restoreAt?: number | undefined;
  /** In place of what the seed draws. */
  readonly splits?: number | undefined;
  /** Returns what is wrong with the outputs of a finished job. */
  readonly findViolation: (outputs: Outputs) => string | undefined;
}

/** Returns what a sink has published. */
export type Outputs = (sinkName: string) => readonly unknown[];

export interface SubjectRun extends RunReport {
  readonly seed: string;
  readonly outputs: Outputs;
}

/** What the seed draws for a run; independent of the faults. */
interface Setup {
  readonly cut: InputCut;
  readonly workerCount: number;
  readonly parallelism: number;
  readonly checkpointIntervalMs: number;
  readonly paceMs: number;
}

/** How many checkpoints a job takes before it is killed to go on elsewhere. */
const restoredAfter = 3;

/** Runs the job once in a simulated cluster; everything that differs between runs is the seed's. */
export async function runSubject(
  subject: Subject,
  options: SubjectRunOptions,
): Promise<SubjectRun> {
  const { seed } = options;
  const random = createSeededRandom(seed);
  const setup = drawSetup(random.fork("setup"), options);
  const { cut, workerCount, paceMs } = setup;
  const { restoreAt } = options;
  const isPaced = options.faults !== "none" || restoreAt !== undefined;
  const graph = subject.build(cut);
  const parallelism = options.parallelism ?? graph.settings.parallelism ?? setup.parallelism;
  const cluster = new SimCluster({
    seed,
    workerCount,
    slotsPerWorker: Math.ceil(
      countSlots(graph, Math.max(parallelism, restoreAt ?? 1)) / workerCount,
    ),
  });
  const { disk, target } = cluster.world;
  await subject.writeFiles(disk);
  const prepare = (built: StreamGraph, width: number): StreamGraph => {
    const settings = { ...built.settings, parallelism: width };
    const unpaced = replaceSinks({ ...built, settings }, target);
    return isPaced ? setPace(unpaced, subject, setup) : unpaced;
  };
  const defineAt = (width: number): JobDefinition => ({
    ...subject.job,
    build: () => prepare(subject.build(cut), width),
  });
  const outputs: Outputs = (name) => target.publishedRecords(name);
  const report = await runJob(cluster, {
    definition: defineAt(parallelism),
    ...(restoreAt === undefined
      ? {}
      : {
          restores: [
            { afterCheckpoints: restoredAfter, how: "kill", definition: defineAt(restoreAt) },
          ],
        }),
    faults: drawnFaults(options, random, { endMs: paceMs, workerCount }),
    quietAfterMs: longestFaultMs + readingMs(prepare(graph, parallelism), subject),
    checkOver: async () => {
      const violation = options.findViolation(outputs);
      if (violation !== undefined) throw new InvariantViolation(violation);
    },
  });
  return { seed, ...report, outputs };
}

function drawSetup(draw: SeededRandom, { splits, restoreAt }: SubjectRunOptions): Setup {
  const splitCount = 1 + draw.below(4);
  const setup = {
    cut: { splitCount: splits ?? splitCount, batchSize: 1 + draw.below(40) },
    workerCount: 1 + draw.below(3),
    parallelism: 1 + draw.below(3),
    checkpointIntervalMs: 300 + draw.below(1_500),
    paceMs: 3_000 + draw.below(8_000),
  };
  if (restoreAt === undefined) return setup;
  // So that the job is about half done when it is killed.
  const checkpointIntervalMs = Math.ceil(setup.paceMs / (2 * restoredAfter));
  return { ...setup, checkpointIntervalMs };
}

function drawnFaults(
  { faults }: SubjectRunOptions,
  random: SeededRandom,
  limits: { readonly endMs: number; readonly workerCount: number },
): readonly Fault[] {
  if (faults === "none") return [];
  return faults === "drawn" ? drawFaults(random.fork("faults"), limits) : faults;
}

/** As many slots as the job needs, and no fewer than its parallelism. */
function countSlots(graph: StreamGraph, parallelism: number): number {
  const expanded = expandExecutionGraph(planJob(graph), { defaultParallelism: parallelism });
  return Math.max(parallelism, expanded.slotsNeeded);
}

function replaceSinks(graph: StreamGraph, target: SimSinkTarget): StreamGraph {
  const nodes = graph.nodes.map((node): StreamNode => {
    if (node.spec.kind !== "sink") return node;
    return { ...node, spec: { kind: "sink", connector: createSimSink(target) } };
  });
  return { ...graph, nodes };
}

/** Slow enough that faults hit a job that runs, with checkpoints between them. */
function setPace(graph: StreamGraph, { recordCounts }: Subject, setup: Setup): StreamGraph {
  const { checkpoint } = graph.settings;
  const intervalMs = setup.checkpointIntervalMs;
  const settings = {
    ...graph.settings,
    checkpoint: { ...checkpoint, intervalMs, timeoutMs: 20_000, minPauseMs: 100 },
  };
  return mapSources({ ...graph, settings }, ({ name, spec }) => {
    const rateLimit = Math.max(1, recordCounts.get(name) ?? 0) / (setup.paceMs / 1_000);
    return { ...spec, rateLimit };
  });
}

/** How long the slowest source takes at its rate. */
function readingMs({ nodes }: StreamGraph, { recordCounts }: Subject): number {
  const times = nodes.map(({ name, spec }) => {
    if (spec.kind !== "source" || spec.rateLimit === undefined) return 0;
    return ((recordCounts.get(name) ?? 0) / spec.rateLimit) * 1_000;
  });
  return Math.max(0, ...times);
}
