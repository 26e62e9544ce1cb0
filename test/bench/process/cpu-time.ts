import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { parseProcessStat } from "./proc-stat.ts";

const sampleMs = 200;

/** The CPU time of processes at a moment. */
interface CpuSample {
  readonly atMs: number;
  /** By process, user and system together, since the process began. */
  readonly cpuMs: ReadonlyMap<number, number>;
}

/**
 * Samples the CPU time of processes five times a second, from `/proc`, until it is disposed. What they
 * used between two moments is interpolated, so it is true to a tick of 10 ms and a sample's change of load.
 */
export class CpuWatch implements AsyncDisposable {
  readonly #samples: CpuSample[] = [];
  readonly #processIds: readonly number[];
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;

  constructor(processIds: readonly number[]) {
    this.#processIds = processIds;
    this.#loop = this.#run();
  }

  /** Returns CPU milliseconds of all processes in [fromMs, toMs], epoch times; a process that ended counts up to its end. */
  between(fromMs: number, toMs: number): number {
    return this.#processIds.reduce(
      (sum, processId) => sum + this.#at(processId, toMs) - this.#at(processId, fromMs),
      0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  #at(processId: number, atMs: number): number {
    const points = this.#samples.flatMap((sample) => {
      const value = sample.cpuMs.get(processId);
      return value === undefined ? [] : [{ atMs: sample.atMs, value }];
    });
    return interpolate(points, atMs);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const cpuMs = new Map<number, number>();
      for (const processId of this.#processIds) {
        const value = await readCpuMs(processId);
        if (value !== undefined) cpuMs.set(processId, value);
      }
      this.#samples.push({ atMs: Date.now(), cpuMs });
      await delay(sampleMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}

/** A value that was read at a moment. */
export interface Point {
  readonly atMs: number;
  readonly value: number;
}

/**
 * Returns the value at a moment on the line through the points, which are in order of time; before the
 * first and behind the last it is theirs. Throws where there is no point.
 */
export function interpolate(points: readonly Point[], atMs: number): number {
  const after = points.findIndex((point) => point.atMs >= atMs);
  const right = after === -1 ? points.at(-1) : points[after];
  if (right === undefined) throw new Error("nothing was sampled");
  const left = after > 0 ? points[after - 1] : undefined;
  if (left === undefined || right.atMs === left.atMs) return right.value;
  const share = (atMs - left.atMs) / (right.atMs - left.atMs);
  return left.value + share * (right.value - left.value);
}

/** Returns the CPU time of a process since it began, undefined if there is none. */
async function readCpuMs(processId: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${processId}/stat`, "utf8").catch(() => "");
  return parseProcessStat(text)?.cpuMs;
}
