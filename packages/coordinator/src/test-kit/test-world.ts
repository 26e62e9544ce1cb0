import {
  silentLogger,
  type Clock,
  type Digest,
  type FailpointName,
  type JobId,
  type Random,
} from "@millrace/core";
import { createMemoryMetadataStore, type MetadataStore } from "@millrace/metadata";
import {
  decodeCallResponse,
  encodeCallRequest,
  type JobCalls,
  type JobDescription,
  type JobMethod,
} from "@millrace/rpc";
import { createMemoryObjectStore, type ObjectStore } from "@millrace/storage";

import { defaultCoordinatorConfig, type CoordinatorConfig } from "../config.ts";
import { createCoordinator, type Coordinator } from "../coordinator.ts";
import type { CoordinatorEvent } from "../observer.ts";
import { FakeWorker, type FakeWorkerOptions } from "./fake-worker.ts";
import { FaultyMetadata } from "./faulty-metadata.ts";
import { MemoryNetwork } from "./memory-network.ts";
import { testPlanJson } from "./test-plan.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Stores, network and time that outlive coordinators. */
export class TestWorld {
  readonly time: VirtualTime = new VirtualTime();
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly objects: ObjectStore = createMemoryObjectStore();
  readonly metadata: FaultyMetadata;
  readonly events: CoordinatorEvent[] = [];
  readonly workers: FakeWorker[] = [];
  readonly digest: Digest;
  readonly random: Random = createCountingRandom();
  address = "c:1";
  deposedCount = 0;
  failpoints: readonly FailpointName[] = [];

  constructor(
    digest: Digest,
    createMetadata: (clock: Clock) => MetadataStore = () => createMemoryMetadataStore(),
  ) {
    this.digest = digest;
    this.metadata = new FaultyMetadata(createMetadata(this.time));
  }

  async startCoordinator(over: Partial<CoordinatorConfig> = {}): Promise<Coordinator> {
    const coordinator = createCoordinator({
      network: this.network,
      metadata: this.metadata,
      objects: this.objects,
      clock: this.time,
      random: this.random,
      digest: this.digest,
      logger: silentLogger,
      failpoints: { isActive: (name) => this.failpoints.includes(name) },
      config: { ...defaultCoordinatorConfig, address: this.address, ...over },
      observer: (event) => this.events.push(event),
      onDeposed: () => {
        this.deposedCount += 1;
      },
    });
    await Promise.all([coordinator.start(), this.time.advance(0)]);
    return coordinator;
  }

  addWorker(workerId: string, over: Partial<FakeWorkerOptions> = {}): FakeWorker {
    const { network, objects, address } = this;
    const worker = new FakeWorker({ network, objects, address, workerId, slotCount: 1, ...over });
    this.workers.push(worker);
    return worker;
  }

  /** Lets time pass; living workers send heartbeats. */
  async run(forMs: number): Promise<void> {
    const stepMs = 500;
    for (let passedMs = 0; passedMs < forMs; passedMs += stepMs) {
      for (const worker of this.workers) worker.heartbeat();
      await this.time.advance(Math.min(stepMs, forMs - passedMs));
    }
    await this.time.advance(0);
  }

  async call<Method extends JobMethod>(
    method: Method,
    request: JobCalls[Method]["request"],
  ): Promise<JobCalls[Method]["response"]> {
    const message = encodeCallRequest(method, request);
    const bytes = await this.network.call(this.address, { method, message, deadlineMs: 1_000 });
    return decodeCallResponse(method, bytes);
  }

  async submit(over: Partial<JobCalls["SubmitJob"]["request"]> = {}): Promise<JobId> {
    const bundle = new TextEncoder().encode("export default 1");
    const { jobId } = await this.call("SubmitJob", {
      requestId: "request-1",
      planJson: testPlanJson(),
      bundle,
      bundleSha256: this.digest.sha256(bundle),
      params: {},
      environment: {},
      ...over,
    });
    return jobId;
  }

  describe(jobId: JobId): Promise<JobDescription> {
    return this.call("DescribeJob", { jobId });
  }

  async logTexts(jobId: JobId): Promise<readonly string[]> {
    const page = await this.call("ReadLogs", {
      jobId,
      afterSequence: 0,
      leaderEpoch: 0n,
      waitMs: 0,
    });
    return page.lines.map(({ text }) => text);
  }

  /** The ids of committed checkpoints, in commit order. */
  committed(): readonly bigint[] {
    return this.events.flatMap((event) =>
      event.kind === "checkpoint-committed" ? [event.manifest.checkpointId] : [],
    );
  }

  /** The attempts and what each restored. */
  attempts(): readonly (readonly [number, bigint | undefined])[] {
    return this.events.flatMap((event) =>
      event.kind === "attempt-raised" ? [[event.attempt, event.restore] as const] : [],
    );
  }
}

function createCountingRandom(): Random {
  let state = 12_345;
  return {
    uint32: () => {
      // xorshift32: enough for names that differ.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    },
  };
}
