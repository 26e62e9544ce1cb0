import { createHash } from "node:crypto";

import type { SplitRecord } from "@millrace/checkpoint";
import {
  noFailpoints,
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseSubtaskId,
  parseWorkerId,
  silentLogger,
  subtaskIdOf,
  type Barrier,
  type Failpoints,
  type LocalDisk,
  type SubtaskId,
} from "@millrace/core";
import { createExchange, type Exchange } from "@millrace/exchange";
import {
  apiVersion,
  canonicalPlanJson,
  planJob,
  type JobDefinition,
  type OperatorSpec,
  type StreamGraph,
  type StreamNode,
} from "@millrace/graph";
import type { StateBlock } from "@millrace/state";
import { createHeapBackend } from "@millrace/state";

import { runSlot } from "../slot/run-slot.ts";
import type { SlotCommand, SlotEvent, SlotRestore } from "../slot/slot-messages.ts";
import type { SlotPorts } from "../slot/slot-ports.ts";
import { MemoryNetwork } from "./memory-exchange.ts";
import { MemoryStreams } from "./memory-streams.ts";
import { VirtualTime } from "./virtual-time.ts";

/** A node of a test's job, in order; inputs by index. */
export interface TestNode {
  readonly name: string;
  readonly inputs: readonly number[];
  readonly spec: OperatorSpec;
}

/** Returns a job of the nodes, as the API would yield it. */
export function jobOf(nodes: readonly TestNode[]): JobDefinition {
  return {
    millraceJob: apiVersion,
    name: "test-job",
    build: ({ baseDirectory }): StreamGraph => ({
      apiVersion,
      jobName: "test-job",
      baseDirectory,
      nodes: nodes.map((node, id): StreamNode => ({ ...node, id })),
      settings: {},
    }),
  };
}

export interface WorldOptions {
  readonly job: JobDefinition;
  readonly parallelism: number;
  readonly restore?: readonly SnapshotEvent[];
  readonly failpoints?: Failpoints;
  readonly ports?: Partial<SlotPorts>;
  readonly attempt?: number;
  /** The splits of the pool at a restore; absent: what the source discovers. */
  readonly pool?: readonly SplitRecord[];
  /** The test answers requests for splits itself. */
  readonly isAssigningByHand?: boolean;
  /** Records go through the real exchange, not through the one that counts records. */
  readonly isEncoding?: boolean;
}

/** What subtasks answer to a barrier. */
export type SnapshotEvent = Extract<SlotEvent, { kind: "snapshot-block" | "snapshot-done" }>;

interface WorldSlot {
  readonly events: SlotEvent[];
  command: (command: SlotCommand) => void;
}

const noDisk: LocalDisk = {
  stat: () => Promise.resolve(undefined),
  readRange: () => Promise.resolve(new Uint8Array()),
  list: () => Promise.resolve([]),
  makeFolder: () => Promise.resolve(),
  writeFile: () => Promise.resolve(),
  append: () => Promise.resolve(),
  sync: () => Promise.resolve(),
  rename: () => Promise.resolve(),
  remove: () => Promise.resolve(),
};

/** The slots of one attempt over a network in memory, and the coordinator's part in small. */
export class SlotWorld {
  readonly time: VirtualTime = new VirtualTime();
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly slots: WorldSlot[] = [];
  readonly #options: WorldOptions;
  readonly #streams: MemoryStreams = new MemoryStreams(this.time.turn);
  /** Called with the pool as the barrier's checkpoint cuts it. */
  onInject: (pool: readonly SplitRecord[]) => void = () => {};
  /** By vertex. */
  readonly #pools = new Map<string, readonly SplitRecord[]>();
  #waiting: Extract<SlotEvent, { kind: "request-split" }>[] = [];

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** All events of one kind, of all slots, in the order of slots. */
  events<Kind extends SlotEvent["kind"]>(kind: Kind): Extract<SlotEvent, { kind: Kind }>[] {
    return this.slots
      .flatMap(({ events }) => events)
      .filter((event): event is Extract<SlotEvent, { kind: Kind }> => event.kind === kind);
  }

  /** The last state that a subtask reported. */
  stateOf(subtask: string): string | undefined {
    return this.events("subtask-state").findLast(({ subtaskId }) => subtaskId === subtask)?.state
      .kind;
  }

  failure(): Extract<SlotEvent, { kind: "subtask-state" }>["state"] | undefined {
    return this.events("subtask-state").find(({ state }) => state.kind === "failed")?.state;
  }

  /** Prepares and starts every slot. */
  async start(): Promise<void> {
    await this.prepare();
    await this.time.runUntil(() => this.#isReady() || this.failure() !== undefined);
    this.broadcast({ kind: "start" });
    await this.time.run(0);
  }

  async prepare(): Promise<void> {
    const { job, parallelism } = this.#options;
    for (let index = 0; index < parallelism; index += 1) this.#openSlot();
    await this.time.run(0);
    const addresses = this.events("listening").map(({ dataAddress }) => dataAddress);
    const plan = planJob(job.build({ params: null, baseDirectory: "/base" }));
    const planJson = canonicalPlanJson(plan);
    const placements = plan.vertices.flatMap((vertex) =>
      addresses.map((dataAddress, slotIndex) => ({
        subtaskId: subtaskIdOf(vertex.id, slotIndex),
        workerId: parseWorkerId("worker-1"),
        slotIndex,
        dataAddress,
      })),
    );
    for (const [slotIndex, slot] of this.slots.entries()) {
      const ownSubtasks = placements
        .filter((placement) => placement.slotIndex === slotIndex)
        .map(({ subtaskId }) => subtaskId);
      const restore = this.#restore(placements.map(({ subtaskId }) => subtaskId));
      slot.command({
        kind: "prepare",
        preparation: {
          ref: {
            jobId: parseJobId("test-job"),
            leaderEpoch: parseLeaderEpoch(1n),
            attempt: parseAttempt(this.#options.attempt ?? 1),
          },
          bundleUrl: "memory:bundle",
          planJson,
          planSha256: createHash("sha256").update(planJson).digest("hex"),
          params: null,
          environment: {},
          channelToken: "token",
          placements,
          ownSubtasks,
          ...(restore === undefined ? {} : { restore }),
        },
      });
    }
    await this.time.run(0);
  }

  broadcast(command: SlotCommand): void {
    for (const slot of this.slots) slot.command(structuredClone(command));
  }

  /** Injects a barrier and returns what the subtasks answered. */
  async checkpoint(id: bigint, isCompleted = true): Promise<SnapshotEvent[]> {
    this.injectBarrier(id);
    const subtaskCount = this.events("subtask-state").filter(
      ({ state }) => state.kind === "ready",
    ).length;
    const answers = (): SnapshotEvent[] =>
      [...this.events("snapshot-block"), ...this.events("snapshot-done")].filter(
        ({ checkpointId }) => checkpointId === id,
      );
    await this.time.runUntil(
      () => answers().filter(({ kind }) => kind === "snapshot-done").length === subtaskCount,
    );
    if (isCompleted) {
      this.broadcast({ kind: "checkpoint-completed", checkpointId: parseCheckpointId(id) });
    }
    await this.time.run(0);
    return answers();
  }

  injectBarrier(id: bigint): void {
    this.onInject(this.pool());
    const barrier: Barrier = { checkpointId: parseCheckpointId(id), mode: "full" };
    this.broadcast({ kind: "inject-barrier", barrier });
  }

  /** Splits that no reader has; what a checkpoint would cut. */
  pool(): readonly SplitRecord[] {
    return this.#pools.size === 0 ? (this.#options.pool ?? []) : [...this.#pools.values()].flat();
  }

  #isReady(): boolean {
    return this.slots.every(({ events }) => events.some((event) => isReadyEvent(event)));
  }

  #openSlot(): void {
    const slot: WorldSlot = { events: [], command: () => {} };
    const { time } = this;
    this.slots.push(slot);
    const ports: SlotPorts = {
      clock: time.clock,
      turn: time.turn,
      random: { uint32: () => 2 ** 31 },
      disk: noDisk,
      digest: { sha256: (...parts) => hash(parts) },
      logger: silentLogger,
      failpoints: this.#options.failpoints ?? noFailpoints,
      openExchange: () => this.#openExchange(),
      loadJob: () => Promise.resolve(this.#options.job),
      createKeyedBackend: createHeapBackend,
      ...this.#options.ports,
    };
    void runSlot(
      {
        send: (event) => {
          slot.events.push(structuredClone(event));
          this.#coordinate(event);
        },
        setHandler: (handler) => {
          slot.command = handler;
        },
        markTurn: () => {},
        markTask: () => {},
      },
      ports,
    );
  }

  #openExchange(): Promise<Exchange> {
    if (this.#options.isEncoding !== true) return this.network.openExchange();
    return createExchange({
      network: this.#streams,
      clock: this.time.clock,
      logger: silentLogger,
      hint: { kind: "unix", host: "" },
      failpoints: noFailpoints,
    });
  }

  #coordinate(event: SlotEvent): void {
    if (event.kind === "discovered-splits" && this.#poolOf(event.vertexId) === undefined) {
      this.#pools.set(event.vertexId, event.splits);
    }
    if (event.kind === "request-split") this.#waiting.push(event);
    if (this.#options.isAssigningByHand === true) return;
    for (const request of this.#waiting.splice(0)) {
      if (this.#poolOf(request.vertexId) === undefined) this.#waiting.push(request);
      else this.#assign(request);
    }
  }

  #poolOf(vertexId: string): readonly SplitRecord[] | undefined {
    return this.#pools.get(vertexId) ?? this.#options.pool;
  }

  #assign(request: Extract<SlotEvent, { kind: "request-split" }>): void {
    const [split, ...rest] = this.#poolOf(request.vertexId) ?? [];
    this.#pools.set(request.vertexId, rest);
    const slot = this.slots[request.subtaskIndex];
    slot?.command({
      kind: "assign-split",
      vertexId: request.vertexId,
      subtaskIndex: request.subtaskIndex,
      requestNumber: request.requestNumber,
      ...(split === undefined ? {} : { split }),
      isPoolEmpty: rest.length === 0,
      poolLowerBoundMs: Math.min(Infinity, ...rest.map((one) => one.lowerBoundMs ?? -Infinity)),
    });
  }

  /** The state as the worker would hand it out: list entries to all, keyed blocks to all. */
  #restore(subtasks: readonly SubtaskId[]): SlotRestore | undefined {
    const snapshot = this.#options.restore;
    const [done] = snapshot?.filter(({ kind }) => kind === "snapshot-done") ?? [];
    if (snapshot === undefined || done === undefined) return undefined;
    return {
      checkpointId: done.checkpointId,
      subtasks: subtasks.map((subtaskId) => ({
        subtaskId,
        blocks: snapshot.flatMap((event): StateBlock[] =>
          event.kind === "snapshot-block" && isSameVertex(event.subtaskId, subtaskId)
            ? [event.block]
            : [],
        ),
        watermarkMs: Math.min(
          ...snapshot.flatMap((event) =>
            event.kind === "snapshot-done" && isSameVertex(event.subtaskId, subtaskId)
              ? [event.watermarkMs]
              : [],
          ),
        ),
      })),
    };
  }
}

/** A slot reports all of its subtasks at once. */
function isReadyEvent(event: SlotEvent): boolean {
  return event.kind === "subtask-state" && event.state.kind === "ready";
}

function isSameVertex(one: SubtaskId, other: SubtaskId): boolean {
  return parseSubtaskId(one).vertexId === parseSubtaskId(other).vertexId;
}

function hash(parts: readonly Uint8Array[]): string {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return sum.digest("hex");
}
