import type { CheckpointId, SubtaskId } from "@millrace/core";
import type { Operator } from "@millrace/operators";

import type { Mailbox } from "./task.ts";

/**
 * Tells the operators of a subtask which checkpoints are committed, one after the other.
 *
 * I1 Notices are handed on in the order of their ids; a repeated or older one is answered only.
 * I2 `published` follows when every operator has published all up to the checkpoint (S13).
 */
export class CompletionQueue {
  readonly #subtaskId: SubtaskId;
  readonly #operators: readonly Operator[];
  readonly #mailbox: Mailbox;
  readonly #waiting: CheckpointId[] = [];
  #isRunning = false;
  #lastId = 0n;

  constructor(
    subtaskId: SubtaskId,
    options: { readonly operators: readonly Operator[]; readonly mailbox: Mailbox },
  ) {
    this.#subtaskId = subtaskId;
    this.#operators = options.operators.filter((one) => one.onCheckpointCompleted !== undefined);
    this.#mailbox = options.mailbox;
  }

  add(checkpointId: CheckpointId): void {
    this.#waiting.push(checkpointId);
    if (!this.#isRunning) this.#runNext();
  }

  #runNext(): void {
    const checkpointId = this.#waiting.shift();
    this.#isRunning = checkpointId !== undefined;
    if (checkpointId === undefined) return;
    if (this.#operators.length === 0 || checkpointId <= this.#lastId) {
      this.#finish(checkpointId);
      return;
    }
    this.#mailbox.join(this.#notify(checkpointId), {
      onValue: () => this.#finish(checkpointId),
      onFailure: (error) => this.#mailbox.fail(this.#subtaskId, error),
    });
  }

  async #notify(checkpointId: CheckpointId): Promise<void> {
    for (const operator of this.#operators) {
      await operator.onCheckpointCompleted?.(checkpointId);
    }
  }

  #finish(checkpointId: CheckpointId): void {
    if (checkpointId > this.#lastId) this.#lastId = checkpointId;
    this.#mailbox.send({ kind: "published", subtaskId: this.#subtaskId, checkpointId });
    this.#runNext();
  }
}
