import { bundleName } from "@millrace/checkpoint";
import {
  noFailpoints,
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseVertexId,
  parseWorkerId,
  silentLogger,
  subtaskIdOf,
  type AttemptRef,
  type CheckpointId,
  type Compressor,
  type FailpointName,
  type JobId,
  type SubtaskId,
  type VertexId,
  type WorkerId,
} from "@millrace/core";
import { createNodeDigest } from "@millrace/platform";
import type { Deployment } from "@millrace/rpc";
import type { StateBlock } from "@millrace/state";

import { SliceHistogram } from "../checkpoint/slice-times.ts";
import { defaultWorkerConfig, type WorkerConfig } from "../worker-config.ts";
import { createWorker, type Worker } from "../worker-runtime.ts";
import { FakeNetwork } from "./fake-coordinator.ts";
import { FakeTaskHost } from "./fake-task-host.ts";
import { FaultyObjects } from "./faulty-objects.ts";
import { VirtualTime } from "./virtual-time.ts";

const digest = createNodeDigest();
const bundle = new TextEncoder().encode("export default 1;");
const bundleSha256 = digest.sha256(bundle);

/** Adds 1 to every byte, so that packed bytes are not the raw ones. */
export const testCompressor: Compressor = {
  name: "plus-one",
  compress: (bytes) => Promise.resolve(bytes.map((byte) => byte + 1)),
  decompress: (bytes) => Promise.resolve(bytes.map((byte) => byte - 1)),
};

export const numbers: VertexId = parseVertexId("numbers");
const totals: VertexId = parseVertexId("totals");
export const workerId: WorkerId = parseWorkerId("w1");
export const jobId: JobId = parseJobId("job");

export function subtask(vertexId: VertexId = totals, index = 0): SubtaskId {
  return subtaskIdOf(vertexId, index);
}

export function refOf(attempt = 1, leaderEpoch = 7n): AttemptRef {
  return { jobId, leaderEpoch: parseLeaderEpoch(leaderEpoch), attempt: parseAttempt(attempt) };
}

export function checkpoint(id: number): CheckpointId {
  return parseCheckpointId(BigInt(id));
}

export function testConfig(over: Partial<WorkerConfig> = {}): WorkerConfig {
  return {
    ...defaultWorkerConfig,
    workerId,
    coordinatorAddresses: ["leader:1"],
    processId: 1,
    ...over,
  };
}

/** A worker with everything around it played by the test, under virtual time. */
export class WorkerWorld {
  readonly time: VirtualTime = new VirtualTime();
  readonly network: FakeNetwork = new FakeNetwork();
  readonly objects: FaultyObjects = new FaultyObjects();
  readonly tasks: FakeTaskHost = new FakeTaskHost(this.time.clock);
  readonly bundles: string[] = [];
  readonly worker: Worker;
  doneWith: unknown = "running";

  constructor(
    over: { readonly config?: Partial<WorkerConfig>; readonly failpoint?: FailpointName } = {},
  ) {
    this.worker = createWorker({
      network: this.network,
      objects: this.objects,
      clock: this.time.clock,
      random: { uint32: () => 2 ** 31 },
      digest,
      compressor: testCompressor,
      logger: silentLogger,
      taskHost: this.tasks,
      bundles: {
        store: (sha256) => {
          this.bundles.push(sha256);
          return Promise.resolve(`bundle:${sha256}`);
        },
      },
      failpoints:
        over.failpoint === undefined
          ? noFailpoints
          : { isActive: (name) => name === over.failpoint },
      config: testConfig(over.config),
    });
    this.worker.done.then(
      () => (this.doneWith = "closed"),
      (error: unknown) => (this.doneWith = error),
    );
  }

  /** Started, registered, welcomed, its slots listening. */
  static async registered(
    over: ConstructorParameters<typeof WorkerWorld>[0] = {},
  ): Promise<WorkerWorld> {
    const world = new WorkerWorld(over);
    await world.objects.inner.put(bundleName(bundleSha256), [bundle]);
    world.worker.start();
    await world.run(20);
    world.network.session().welcome();
    return world;
  }

  /** As `registered`, with one attempt on slot 0 that is prepared and started. */
  static async running(
    over: ConstructorParameters<typeof WorkerWorld>[0] = {},
  ): Promise<WorkerWorld> {
    const world = await WorkerWorld.registered(over);
    world.network.session().deliver({ kind: "deploy", deployment: world.deployment() });
    await world.run();
    world.network.session().deliver({ kind: "start", ref: refOf() });
    return world;
  }

  async run(durationMs = 0): Promise<void> {
    await this.time.run(durationMs);
    for (let count = 0; count < 20; count += 1) await this.time.run();
  }

  /** Both vertices on slot 0 of this worker. */
  deployment(over: Partial<Deployment> = {}): Deployment {
    const { dataAddress } = this.tasks.slot();
    return {
      ref: refOf(),
      bundleSha256,
      planSha256: "00",
      planJson: planJson(),
      params: {},
      environment: {},
      channelToken: "token",
      placements: [numbers, totals].map((vertexId) => ({
        subtaskId: subtask(vertexId),
        workerId,
        slotIndex: 0,
        dataAddress,
      })),
      ...over,
    };
  }

  /** Both subtasks store a block at the checkpoint. */
  snapshot(id: number, blocks: readonly StateBlock[] = [blockOf("totals", [1, 2])]): void {
    const slot = this.tasks.slot();
    const checkpointId = checkpoint(id);
    for (const block of blocks) {
      slot.emit({ kind: "snapshot-block", subtaskId: subtask(), checkpointId, block });
    }
    for (const vertexId of [numbers, totals]) {
      slot.emit({
        kind: "snapshot-done",
        subtaskId: subtask(vertexId),
        checkpointId,
        parallelism: 1,
        watermarkMs: 5,
        isDrained: false,
        alignmentMs: 1,
        snapshotMs: 2,
        slices: new SliceHistogram().read(),
        sliceCpu: new SliceHistogram().read(),
      });
    }
  }
}

export function blockOf(
  operator: string,
  bytes: readonly number[],
  over: Partial<StateBlock> = {},
): StateBlock {
  return {
    operator,
    kind: "keyed",
    role: "base",
    groupStart: 0,
    groupEnd: 127,
    cellCount: bytes.length,
    bytes: Uint8Array.from(bytes),
    ...over,
  };
}

export function planJson(maxParallelism = 128): string {
  const operator = (name: string, nodeId: number, kind: string, isKeyed: boolean) => ({
    name,
    nodeId,
    kind,
    isKeyed,
    hasState: true,
    options: {},
  });
  return JSON.stringify({
    formatVersion: 1,
    apiVersion: 1,
    jobName: "job",
    baseDirectory: "/",
    vertices: [
      { id: "numbers", operators: [operator("numbers", 0, "source", false)], parallelism: 1 },
      { id: "totals", operators: [operator("totals", 2, "reduce", true)], parallelism: 1 },
    ],
    edges: [
      { index: 0, from: "numbers", to: "totals", partitioning: { kind: "hash", keyNodeId: 1 } },
    ],
    settings: {
      parallelism: 1,
      maxParallelism,
      checkpoint: { intervalMs: 1, timeoutMs: 1, minPauseMs: 1, retainedCount: 1 },
      restart: { maxFailures: 1 },
    },
  });
}
