import { parseSubtaskId } from "@millrace/core";
import { parseJobGraph } from "@millrace/graph";
import type { JobDescription, SubtaskMetrics } from "@millrace/rpc";

import { formatMoment, type Output } from "../output.ts";

/** Shows how far a job is: one line that changes on a terminal, a line now and then elsewhere. */
export interface Progress {
  update(job: JobDescription): void;
  /** Writes a line that stays. */
  note(text: string): void;
  /** Records that sources have read in the present attempt. */
  recordCount(): number;
  clear(): void;
}

const plainIntervalMs = 2_000;

interface Sample {
  readonly atMs: number;
  readonly recordCount: number;
  readonly attempt: number;
}

/** Returns a progress display on standard error; JSON output gets none. */
export function createProgress(output: Output): Progress {
  const isTerminal = process.stderr.isTTY && output.format === "text";
  let sample: Sample | undefined;
  let read = 0;
  let shownAtMs = -Infinity;
  let hasLine = false;
  let lastNote = "";
  const clear = (): void => {
    if (hasLine) process.stderr.write("\r\u001b[K");
    hasLine = false;
  };
  return {
    update: (job) => {
      const next = { atMs: performance.now(), recordCount: countRead(job), attempt: job.attempt };
      read = next.recordCount;
      // Another attempt counts from its own beginning.
      if (sample?.attempt !== next.attempt || read < sample.recordCount) sample = next;
      const rate = rateBetween(sample, next);
      const isDue = isTerminal || next.atMs - shownAtMs >= plainIntervalMs;
      if (job.state === "running" && rate !== undefined && isDue && output.format === "text") {
        const line = describeProgress(job, next, rate);
        process.stderr.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
        hasLine = isTerminal;
        shownAtMs = next.atMs;
        sample = next;
      }
    },
    note: (text) => {
      if (text === lastNote || output.format === "json") return;
      lastNote = text;
      clear();
      output.note(text);
    },
    recordCount: () => read,
    clear,
  };
}

function describeProgress(job: JobDescription, { recordCount }: Sample, rate: number): string {
  const watermarks = job.subtasks.flatMap(({ metrics }) => (metrics ? [metrics.watermarkMs] : []));
  const watermark = watermarks.length === 0 ? "-" : formatMoment(Math.min(...watermarks));
  const records = `${recordCount.toLocaleString("en")} records, ${Math.round(rate).toLocaleString("en")}/s`;
  return `  ${records}, watermark ${watermark}, ${job.checkpointsCompleted} checkpoints`;
}

function rateBetween(before: Sample, now: Sample): number | undefined {
  const seconds = (now.atMs - before.atMs) / 1_000;
  return seconds < 0.2 ? undefined : Math.max(0, now.recordCount - before.recordCount) / seconds;
}

function countRead(job: JobDescription): number {
  const sources = new Set(
    parseJobGraph(job.planJson)
      .vertices.filter(({ operators }) => operators[0]?.kind === "source")
      .map(({ id }) => id),
  );
  return job.subtasks
    .filter(({ subtaskId }) => sources.has(parseSubtaskId(subtaskId).vertexId))
    .reduce((sum, { metrics }) => sum + readBy(metrics), 0);
}

function readBy(metrics: SubtaskMetrics | undefined): number {
  return metrics === undefined ? 0 : metrics.recordsIn;
}
