import { assert, maxWatermark, minWatermark, type SubtaskId, type VertexId } from "@millrace/core";

import { lowerBoundWatermark } from "./split-watermark.ts";
import type { Mailbox, SplitAssignment } from "./task.ts";

/** The subtask that asks, and what its requests leave by. */
export interface SplitAsker {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  readonly mailbox: Pick<Mailbox, "send">;
}

/** What an assignment is to the request that is out. */
export type SplitAnswer =
  /** It answers an earlier request again, and counts for nothing. */
  | "repeated"
  /** The pool has no split now, and sends one once it has. */
  | "later"
  /** A split, or that none will ever come: another request may be made. */
  | "final";

/**
 * What a source's subtask has asked of the coordinator's split pool, and what it knows of the pool by
 * the answers.
 *
 * I1 One request is out at a time; it stays out until its final answer (S9).
 * I2 Once the pool is empty it stays so, and nothing more is asked of it.
 * I3 The pool's watermark never falls (S12).
 */
export class SplitRequests {
  readonly #asker: SplitAsker;
  #requestNumber = 0;
  #answeredNumber = 0;
  #poolLowerBoundMs: number = minWatermark;
  #isPoolEmpty = false;

  constructor(asker: SplitAsker) {
    this.#asker = asker;
  }

  /** The coordinator said that nothing more will come. */
  get isPoolEmpty(): boolean {
    return this.#isPoolEmpty;
  }

  /** What the splits still in the pool allow; -Infinity before the first answer. */
  get poolWatermarkMs(): number {
    return this.#isPoolEmpty ? maxWatermark : lowerBoundWatermark(this.#poolLowerBoundMs);
  }

  /** Asks for a split, unless a request is out or none will come. */
  ask(): void {
    if (this.#isPoolEmpty || this.#requestNumber !== this.#answeredNumber) return;
    this.#requestNumber += 1;
    const { mailbox, vertexId, subtaskIndex } = this.#asker;
    mailbox.send({
      kind: "request-split",
      vertexId,
      subtaskIndex,
      requestNumber: this.#requestNumber,
    });
  }

  /** Takes in what the assignment says of the pool; throws on one that nobody has asked for. */
  take(assignment: SplitAssignment): SplitAnswer {
    const { requestNumber, split, isPoolEmpty, poolLowerBoundMs } = assignment;
    if (requestNumber <= this.#answeredNumber) return "repeated";
    assert(
      requestNumber === this.#requestNumber,
      `${this.#asker.subtaskId} got an answer to request ${requestNumber}, it has asked ${this.#requestNumber} times`,
    );
    this.#poolLowerBoundMs = Math.max(this.#poolLowerBoundMs, poolLowerBoundMs);
    this.#isPoolEmpty ||= isPoolEmpty;
    if (split === undefined && !isPoolEmpty) return "later";
    this.#answeredNumber = requestNumber;
    return "final";
  }
}
