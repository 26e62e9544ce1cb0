import type { CheckpointId } from "@millrace/core";
import type { WorkerMessage } from "@millrace/rpc";

export type AckMessage = Extract<WorkerMessage, { kind: "ack" }>;

const keptAcks = 16;

/**
 * The acks of one attempt of which nobody has said yet what became of them: they are sent again when
 * the worker comes back to a coordinator (F2).
 *
 * I1 An ack stays until its checkpoint, or a later one, is completed, or it is aborted.
 * I2 At most 16 are kept, the newest; a coordinator has one or two in flight.
 */
export class AckOutbox {
  readonly #acks = new Map<CheckpointId, AckMessage>();

  add(ack: AckMessage): void {
    this.#acks.set(ack.checkpointId, ack);
    const [oldest] = this.#acks.keys();
    if (this.#acks.size > keptAcks && oldest !== undefined) this.#acks.delete(oldest);
  }

  onCompleted(checkpointId: CheckpointId): void {
    for (const id of this.#acks.keys()) {
      if (id <= checkpointId) this.#acks.delete(id);
    }
  }

  onAborted(checkpointId: CheckpointId): void {
    this.#acks.delete(checkpointId);
  }

  /** In the order in which they were added. */
  pending(): readonly AckMessage[] {
    return [...this.#acks.values()];
  }
}
