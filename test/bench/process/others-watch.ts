import { readdir, readFile } from "node:fs/promises";

import { parseMachineStat, parseProcessStat, sumTree } from "./proc-stat.ts";

/** What ran beside this process and all that it started, since the watch began. */
export class OthersWatch {
  readonly #atMs = performance.now();
  readonly #othersMs: number;
  readonly #processors: number;

  private constructor(processors: number, othersMs: number) {
    this.#processors = processors;
    this.#othersMs = othersMs;
  }

  static async start(processors: number): Promise<OthersWatch> {
    return new OthersWatch(processors, await readOthersMs());
  }

  /** Returns the part of the machine's CPU time that others used: 1 is all of it. */
  async share(): Promise<number> {
    const usedMs = (await readOthersMs()) - this.#othersMs;
    const wholeMs = (performance.now() - this.#atMs) * this.#processors;
    return Math.max(0, usedMs / wholeMs);
  }
}

/** Returns CPU milliseconds of the machine since it began, without our own. */
async function readOthersMs(): Promise<number> {
  const machineMs = parseMachineStat(await readFile("/proc/stat", "utf8"));
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/stat`, "utf8").catch(() => "")),
  );
  const processes = texts.flatMap((text) => parseProcessStat(text) ?? []);
  return machineMs - sumTree(processes, process.pid);
}
