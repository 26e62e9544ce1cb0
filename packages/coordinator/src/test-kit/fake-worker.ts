import { segmentName, type BlockSummary, type WorkerCut } from "@millrace/checkpoint";
import {
  parseSubtaskId,
  parseVertexId,
  parseWorkerId,
  type AttemptRef,
  type CheckpointId,
  type FailureData,
  type SubtaskId,
} from "@millrace/core";
import {
  decodeCoordinatorMessage,
  encodeWorkerMessage,
  protocolVersion,
  type CoordinatorMessage,
  type Deployment,
  type SubtaskState,
  type WorkerMessage,
} from "@millrace/rpc";
import type { ObjectStore } from "@millrace/storage";

import type { MemoryNetwork, MemorySession } from "./memory-network.ts";
import { keyedOperator, listOperator, maxParallelism, sourceVertex } from "./test-plan.ts";

export interface FakeWorkerOptions {
  readonly network: MemoryNetwork;
  readonly objects: ObjectStore;
  readonly address: string;
  readonly workerId: string;
  readonly incarnation?: string;
  readonly slotCount: number;
  readonly splitCount?: number;
  /** Whether its subtasks drain when the pool is empty. */
  readonly isBounded?: boolean;
  readonly protocolVersion?: number;
}

/** A worker built to the protocol, without slots or records: it answers as a healthy one would. */
export class FakeWorker {
  readonly received: CoordinatorMessage[] = [];
  readonly splits: string[] = [];
  deployment: Deployment | undefined;
  /** Whether it acknowledges barriers, and says that it has published. */
  isAcking = true;
  isPublishing = true;
  isReadying = true;
  isClosed = false;
  readonly #options: FakeWorkerOptions;
  #session: MemorySession;
  #slotGeneration = 0;
  #requestNumber = 0;
  #nonce = 0;

  constructor(options: FakeWorkerOptions) {
    this.#options = options;
    this.#session = this.#connect();
  }

  reconnect(): void {
    this.deployment = undefined;
    this.isClosed = false;
    this.#session = this.#connect();
  }

  /** As by kill -9: the session breaks, nothing more is said. */
  kill(): void {
    this.isClosed = true;
    this.#session.break(new Error("connection reset"));
  }

  send(message: WorkerMessage): void {
    if (!this.isClosed) this.#session.send(encodeWorkerMessage(message));
  }

  heartbeat(): void {
    this.send({ kind: "heartbeat", sentAtMs: 0, subtasks: [] });
  }

  ownSubtasks(): readonly SubtaskId[] {
    const placements = this.deployment?.placements ?? [];
    return placements
      .filter(({ workerId }) => workerId === this.#options.workerId)
      .map(({ subtaskId }) => subtaskId);
  }

  fail(failure: FailureData): void {
    const [subtaskId] = this.ownSubtasks();
    if (subtaskId !== undefined) this.#say(subtaskId, { kind: "failed", failure });
  }

  drain(): void {
    for (const subtaskId of this.ownSubtasks()) this.#say(subtaskId, { kind: "drained" });
  }

  countOf(kind: CoordinatorMessage["kind"]): number {
    return this.received.filter((message) => message.kind === kind).length;
  }

  async ack(ref: AttemptRef, checkpointId: CheckpointId, isDelta: boolean): Promise<void> {
    this.#nonce += 1;
    const workerId = parseWorkerId(this.#options.workerId);
    const owner = { jobId: ref.jobId, attempt: ref.attempt, checkpointId };
    const nonce = `${this.#options.incarnation ?? "i"}${this.#nonce}`;
    const name = segmentName(owner, { workerId, nonce });
    const subtasks = this.ownSubtasks();
    const segment = {
      name,
      lengthBytes: 100,
      footerLength: 10,
      footerSha256: "0".repeat(64),
      ownerCheckpointId: checkpointId,
    };
    const cut: WorkerCut = {
      segment,
      blocks: subtasks.map((subtaskId) => this.#blockOf(subtaskId, isDelta)),
      subtasks: subtasks.map((subtaskId) => ({
        subtaskId,
        parallelism: this.#parallelism(),
        watermarkMs: -Infinity,
        isDrained: false,
      })),
    };
    await this.#options.objects.put(name, [new Uint8Array(100)]);
    const timings = { alignmentMs: 1, snapshotMs: 1, uploadMs: 1 };
    this.send({ kind: "ack", ref, checkpointId, cut, timings });
  }

  #connect(): MemorySession {
    const { network, address, workerId, slotCount } = this.#options;
    const session = network.openSession(address);
    session.setHandlers({
      onMessage: (bytes) => {
        const message = decodeCoordinatorMessage(bytes);
        this.received.push(message);
        if (!this.isClosed) this.#answer(message);
      },
      onClose: () => {
        this.isClosed = true;
      },
    });
    const register: WorkerMessage = {
      kind: "register",
      protocolVersion: this.#options.protocolVersion ?? protocolVersion,
      version: "test",
      workerId: parseWorkerId(workerId),
      incarnation: this.#options.incarnation ?? "first",
      processId: 1,
      slots: Array.from({ length: slotCount }, (_, index) => this.#offer(index)),
      running: [],
    };
    session.send(encodeWorkerMessage(register));
    return session;
  }

  #answer(message: CoordinatorMessage): void {
    switch (message.kind) {
      case "deploy":
        this.deployment = message.deployment;
        this.#requestNumber = 0;
        if (this.isReadying) this.sayReady();
        return;
      case "start":
        this.#start();
        return;
      case "assign-split":
        this.#onAssigned(message);
        return;
      case "inject-barrier": {
        const { ref, barrier } = message;
        const isDelta = barrier.mode === "delta";
        if (this.isAcking) void this.ack(ref, barrier.checkpointId, isDelta); // A test awaits it.
        return;
      }
      case "checkpoint-completed": {
        const { ref, checkpointId } = message;
        if (this.isPublishing) this.send({ kind: "published", ref, checkpointId });
        return;
      }
      case "stop-sources":
        for (const subtaskId of this.ownSubtasks()) {
          if (isSource(subtaskId)) this.#say(subtaskId, { kind: "stopped" });
        }
        if (message.isDrain) this.drain();
        return;
      case "cancel-attempt":
        this.deployment = undefined;
        for (let index = 0; index < this.#options.slotCount; index += 1) {
          this.send({ kind: "slot-ready", slot: this.#offer(index) });
        }
        return;
      case "align-sources":
      case "welcome":
      case "refused":
      case "checkpoint-aborted":
        return;
    }
  }

  sayReady(): void {
    const restoredBytes = this.deployment?.restore === undefined ? 0 : 50;
    for (const subtaskId of this.ownSubtasks()) {
      this.#say(subtaskId, { kind: "ready", restoredBytes });
    }
  }

  #start(): void {
    const ref = this.deployment?.ref;
    if (ref === undefined) return;
    for (const subtaskId of this.ownSubtasks()) this.#say(subtaskId, { kind: "running" });
    for (const subtaskId of this.ownSubtasks().filter(isSource)) {
      const { subtaskIndex } = parseSubtaskId(subtaskId);
      if (subtaskIndex === 0) this.#discover(ref);
      this.#request(ref, subtaskIndex);
    }
  }

  #discover(ref: AttemptRef): void {
    const splits = Array.from({ length: this.#options.splitCount ?? 0 }, (_, index) => ({
      id: `split-${index}`,
      descriptor: index,
    }));
    this.send({
      kind: "discovered-splits",
      ref,
      vertexId: parseVertexId(sourceVertex),
      splits,
    });
  }

  #request(ref: AttemptRef, subtaskIndex: number): void {
    this.#requestNumber += 1;
    this.send({
      kind: "request-split",
      ref,
      vertexId: parseVertexId(sourceVertex),
      subtaskIndex,
      requestNumber: this.#requestNumber,
    });
  }

  #onAssigned(message: Extract<CoordinatorMessage, { kind: "assign-split" }>): void {
    if (message.split === undefined) {
      if (this.#options.isBounded === true) this.drain();
      return;
    }
    this.splits.push(message.split.id);
    this.#request(message.ref, message.subtaskIndex);
  }

  #blockOf(subtaskId: SubtaskId, isDelta: boolean): BlockSummary {
    const { subtaskIndex } = parseSubtaskId(subtaskId);
    if (isSource(subtaskId)) {
      const range = { groupStart: 0, groupEnd: 0, rawBytes: 10 };
      return { operator: listOperator, kind: "list", role: "base", ...range };
    }
    const parallelism = this.#parallelism();
    return {
      operator: keyedOperator,
      kind: "keyed",
      role: isDelta ? "delta" : "base",
      groupStart: Math.ceil((subtaskIndex * maxParallelism) / parallelism),
      groupEnd: Math.ceil(((subtaskIndex + 1) * maxParallelism) / parallelism) - 1,
      rawBytes: 10,
    };
  }

  #parallelism(): number {
    return (this.deployment?.placements ?? []).filter(({ subtaskId }) => isSource(subtaskId))
      .length;
  }

  #say(subtaskId: SubtaskId, state: SubtaskState): void {
    const ref = this.deployment?.ref;
    if (ref !== undefined) this.send({ kind: "subtask-state", ref, subtaskId, state });
  }

  #offer(slotIndex: number): { slotIndex: number; dataAddress: string } {
    this.#slotGeneration += 1;
    const { workerId, incarnation = "first" } = this.#options;
    return { slotIndex, dataAddress: `${workerId}-${incarnation}-${this.#slotGeneration}` };
  }
}

function isSource(subtaskId: SubtaskId): boolean {
  return subtaskId.startsWith(`${sourceVertex}/`);
}
