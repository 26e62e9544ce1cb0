import type { CheckpointId, SubtaskId } from "@millrace/core";

/** Up to which checkpoint all subtasks of a worker have published. */
export class PublishedTracker {
  readonly #subtasks: readonly SubtaskId[];
  readonly #published = new Map<SubtaskId, CheckpointId>();
  #reported: CheckpointId | undefined;

  constructor(subtasks: readonly SubtaskId[]) {
    this.#subtasks = subtasks;
  }

  /** Takes one subtask's word in; returns the checkpoint, if all have now published more than before. */
  onPublished(subtaskId: SubtaskId, checkpointId: CheckpointId): CheckpointId | undefined {
    const known = this.#published.get(subtaskId);
    if (known === undefined || known < checkpointId) this.#published.set(subtaskId, checkpointId);
    const lowest = this.#lowest();
    if (lowest === undefined) return undefined;
    if (this.#reported !== undefined && lowest <= this.#reported) return undefined;
    this.#reported = lowest;
    return lowest;
  }

  /** What was last reported. */
  reported(): CheckpointId | undefined {
    return this.#reported;
  }

  #lowest(): CheckpointId | undefined {
    let lowest: CheckpointId | undefined;
    for (const subtaskId of this.#subtasks) {
      const published = this.#published.get(subtaskId);
      if (published === undefined) return undefined;
      if (lowest === undefined || published < lowest) lowest = published;
    }
    return lowest;
  }
}
