import { subtaskIdOf, type WorkerId } from "@millrace/core";
import type { Placement } from "@millrace/graph";

import type { AttemptPlace } from "../checkpoint/recovery.ts";
import type { WorkerRegistry } from "../cluster/registry.ts";
import type { SlotRecord } from "../metadata/job-records.ts";
import { sourceVertices } from "./attempt-run.ts";
import type { JobMemory } from "./job-memory.ts";
import type { JobEvent } from "./job-states.ts";
import { schedule } from "./scheduler.ts";

/** The slots that a job holds, from their reservation to their release. */
export class JobSlots {
  readonly #registry: Pick<WorkerRegistry, "freeSlots" | "hold" | "release">;
  readonly #job: JobMemory;
  #placements: readonly Placement[] = [];
  /** Where the last attempt ran, under this leader or the one before: the next finds its caches. */
  #previous: readonly SlotRecord[];
  #parallelism = 0;

  constructor(registry: Pick<WorkerRegistry, "freeSlots" | "hold" | "release">, job: JobMemory) {
    this.#registry = registry;
    this.#job = job;
    this.#previous = job.snapshot.attempt?.value.slots ?? [];
  }

  placements(): readonly Placement[] {
    return this.#placements;
  }

  /** What was reserved last, as the attempt's record holds it. */
  place(): AttemptPlace {
    return { parallelism: this.#parallelism, slots: this.#previous };
  }

  /** Holds what the job needs if that is free; returns what became of it. */
  reserve(): JobEvent {
    const { jobId } = this.#job.record;
    const scheduled = schedule(this.#job, this.#registry.freeSlots(jobId), this.#previous);
    if (scheduled.kind === "short") return { kind: "slots-short", shortage: scheduled.shortage };
    const { placements, parallelism } = scheduled;
    this.#registry.hold(jobId, placements);
    this.#placements = placements;
    this.#previous = slotsOf(placements);
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

/** By slot number. */
function slotsOf(placements: readonly Placement[]): readonly SlotRecord[] {
  const slots = new Map<number, SlotRecord>();
  for (const { slotNumber, workerId, slotIndex, dataAddress } of placements) {
    if (!slots.has(slotNumber)) slots.set(slotNumber, { workerId, slotIndex, dataAddress });
  }
  return [...slots].toSorted(([a], [b]) => a - b).map(([, slot]) => slot);
}
