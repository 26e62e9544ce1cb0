import { setTimeout as delay } from "node:timers/promises";

import type { BenchCluster } from "../process/bench-cluster.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import { readMemory } from "../process/memory.ts";
import { meanOf } from "../report/statistics.ts";
import { readFootprint } from "./footprint.ts";
import { readThreadCpuMs } from "./thread-cpu.ts";

/** What a cluster takes in a time, the mean of what was seen in it. */
export interface ClusterUse {
  /** Milliseconds of CPU a second. */
  readonly coordinatorCpu: number;
  readonly workerCpu: number;
  /** Resident. */
  readonly coordinatorBytes: number;
  readonly workerBytes: number;
  readonly objectCount: number;
  readonly manifestBytes: number;
  readonly metadataBytes: number;
}

type Sample = Omit<ClusterUse, "coordinatorCpu" | "workerCpu"> & { readonly atMs: number };

const sampleMs = 1_000;

/** Looks once a second at the processes and the folder of a cluster until it is disposed. */
export class ClusterWatch implements AsyncDisposable {
  readonly #folder: string;
  readonly #coordinatorId: number;
  readonly #workerIds: readonly number[];
  readonly #coordinator: CpuWatch;
  readonly #workers: CpuWatch;
  readonly #samples: Sample[] = [];
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;

  private constructor(cluster: BenchCluster, coordinatorId: number) {
    this.#folder = cluster.path("data");
    this.#coordinatorId = coordinatorId;
    this.#workerIds = cluster.workerProcessIds();
    this.#coordinator = new CpuWatch([coordinatorId]);
    this.#workers = new CpuWatch(this.#workerIds);
    this.#loop = this.#run();
  }

  static async start(cluster: BenchCluster): Promise<ClusterWatch> {
    return new ClusterWatch(cluster, await cluster.coordinatorProcessId());
  }

  /** Returns what was used in [fromMs, toMs], epoch times; throws where that is too short to have been seen. */
  between(fromMs: number, toMs: number): ClusterUse {
    const seen = this.#samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
    const seconds = (toMs - fromMs) / 1_000;
    const mean = (read: (sample: Sample) => number): number => meanOf(seen.map(read));
    return {
      coordinatorCpu: this.#coordinator.between(fromMs, toMs) / seconds,
      workerCpu: this.#workers.between(fromMs, toMs) / seconds,
      coordinatorBytes: mean((sample) => sample.coordinatorBytes),
      workerBytes: mean((sample) => sample.workerBytes),
      objectCount: mean((sample) => sample.objectCount),
      manifestBytes: mean((sample) => sample.manifestBytes),
      metadataBytes: mean((sample) => sample.metadataBytes),
    };
  }

  /** Returns what is used from now on for so long, the coordinator's CPU to a microsecond. */
  async during(waitMs: number): Promise<ClusterUse> {
    const fromMs = Date.now();
    const before = await readThreadCpuMs(this.#coordinatorId);
    await delay(waitMs);
    const cpuMs = (await readThreadCpuMs(this.#coordinatorId)) - before;
    const toMs = Date.now();
    return {
      ...this.between(fromMs, toMs),
      coordinatorCpu: (cpuMs * 1_000) / (toMs - fromMs),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await Promise.all([this.#coordinator, this.#workers].map((one) => one[Symbol.asyncDispose]()));
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const coordinator = await readMemory([this.#coordinatorId]);
      const workers = await readMemory(this.#workerIds);
      const { objectCount, manifestBytes, metadataBytes } = await readFootprint(this.#folder);
      this.#samples.push({
        atMs: Date.now(),
        coordinatorBytes: coordinator.residentBytes,
        workerBytes: workers.residentBytes,
        objectCount,
        manifestBytes,
        metadataBytes,
      });
      await delay(sampleMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}
