import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { SinkConnector, SinkWriter } from "millrace";

import { SampleFile } from "../job/sample-file.ts";

export interface AnswersSinkOptions {
  readonly requests: number;
  /** A folder for `sink-<subtask>.samples` and for what is published. */
  readonly samples: string;
}

/**
 * Returns a sink that publishes the numbers it gets once: those of a checkpoint are a file of 32-bit
 * integers, which gets its name when the checkpoint is committed.
 */
export function answers(options: AnswersSinkOptions): SinkConnector<number> {
  return {
    connector: "bench-answers",
    options: { ...options },
    guarantee: "exactly-once",
    createWriter: ({ subtaskIndex }) => createWriter(options, subtaskIndex),
  };
}

function createWriter(
  { requests, samples }: AnswersSinkOptions,
  subtaskIndex: number,
): SinkWriter<number> {
  mkdirSync(samples, { recursive: true });
  const progress = new SampleFile(join(samples, `sink-${subtaskIndex}.samples`));
  let held = new Uint32Array(requests);
  let heldCount = 0;
  let count = 0;
  return {
    write: (value) => {
      held[heldCount] = value;
      heldCount += 1;
      count += 1;
      if ((count & 0xff) === 0) progress.offer(count);
    },
    bufferedBytes: () => 0,
    flush: () => Promise.resolve(),
    prepare: ({ attempt, checkpointId }) => {
      progress.add(count);
      if (heldCount === 0) return Promise.resolve(undefined);
      const name = `${subtaskIndex}-${attempt}-${checkpointId}`;
      writeFileSync(join(samples, `${name}.staged`), held.subarray(0, heldCount));
      held = new Uint32Array(requests);
      heldCount = 0;
      return Promise.resolve(name);
    },
    publish: (name) => {
      if (typeof name !== "string") throw new Error("what is prepared is a file's name");
      const path = join(samples, name);
      try {
        renameSync(`${path}.staged`, `${path}.published`);
      } catch (error) {
        // Published before, by an attempt that did not live to hear that it was known.
        if (!isMissing(error)) throw error;
      }
      return Promise.resolve();
    },
    removeOrphans: () => Promise.resolve(),
  };
}

/** Throws unless what is published holds each request's answer exactly once. */
export async function checkAnswers({ requests, samples }: AnswersSinkOptions): Promise<void> {
  const counts = new Uint32Array(requests);
  const names = await readdir(samples);
  for (const name of names.filter((one) => one.endsWith(".published"))) {
    const bytes = await readFile(join(samples, name));
    for (let at = 0; at < bytes.length; at += 4) {
      const value = bytes.readUInt32LE(at);
      counts[value] = (counts[value] ?? 0) + 1;
    }
  }
  const lost = counts.filter((count) => count === 0).length;
  const repeated = counts.filter((count) => count > 1).length;
  if (lost === 0 && repeated === 0) return;
  throw new Error(`of ${requests} answers ${lost} are not there and ${repeated} more than once`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
