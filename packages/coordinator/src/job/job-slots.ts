import { subtaskIdOf, type WorkerId } from "@millrace/core";
import type { Placement } from "@millrace/graph";

import type { WorkerRegistry } from "../cluster/registry.ts";
import { sourceVertices } from "./attempt-run.ts";
import type { JobEvent } from "./job-machine.ts";
import type { JobMemory } from "./job-memory.ts";
import { schedule } from "./scheduler.ts";

/** The slots that a job holds, from their reservation to their release. */
export class JobSlots {
  readonly #registry: Pick<WorkerRegistry, "freeSlots" | "hold" | "release">;
  readonly #job: JobMemory;
  #placements: readonly Placement[] = [];
  /** Where the last attempt ran, so that the next one finds its caches. */
  #previous: readonly Placement[] = [];
  #parallelism = 0;

  constructor(registry: Pick<WorkerRegistry, "freeSlots" | "hold" | "release">, job: JobMemory) {
    this.#registry = registry;
    this.#job = job;
  }

  placements(): readonly Placement[] {
    return this.#placements;
  }

  /** Of the vertices that leave it open, as the last reservation resolved it. */
  parallelism(): number {
    return this.#parallelism;
  }

  /** Holds what the job needs if that is free; returns what became of it. */
  reserve(): JobEvent {
    const { jobId } = this.#job.record;
    const scheduled = schedule(this.#job, this.#registry.freeSlots(jobId), this.#previous);
    if (scheduled.kind === "short") return { kind: "slots-short", shortage: scheduled.shortage };
    const { placements, parallelism } = scheduled;
    this.#registry.hold(jobId, placements);
    this.#placements = placements;
    this.#previous = placements;
    this.#parallelism = parallelism;
    const isSource = new Set(sourceVertices(this.#job));
    return {
      kind: "slots-reserved",
      subtasks: placements.map(({ subtaskId }) => subtaskId),
      sources: placements
        .filter(({ vertexId }) => isSource.has(vertexId))
        .map(({ vertexId, subtaskIndex }) => subtaskIdOf(vertexId, subtaskIndex)),
    };
  }

  release(): void {
    this.#placements = [];
    this.#registry.release(this.#job.record.jobId);
  }

  isOn(workerId: WorkerId): boolean {
    return this.#placements.some((placement) => placement.workerId === workerId);
  }

  wasOn(workerId: WorkerId): boolean {
    return this.#previous.some((placement) => placement.workerId === workerId);
  }

  holds(workerId: WorkerId, slotIndex: number): boolean {
    return this.#placements.some(
      (placement) => placement.workerId === workerId && placement.slotIndex === slotIndex,
    );
  }
}
