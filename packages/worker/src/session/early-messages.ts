import type { AttemptRef } from "@millrace/core";

import { compareRefs } from "./epoch-gate.ts";
import type { AttemptMessage } from "./leader-session.ts";

export type EarlyMessage = Exclude<AttemptMessage, { kind: "deploy" | "cancel-attempt" }>;

const maxHeld = 256;

/**
 * Messages of attempts that are not deployed here yet: held, in their order, never dropped in
 * silence (S2). A session is a FIFO, so that a correct coordinator gives no cause for them.
 *
 * I1 At most 256 are held (S15).
 */
export class EarlyMessages {
  #held: EarlyMessage[] = [];

  /** Returns whether there was room. */
  add(message: EarlyMessage): boolean {
    if (this.#held.length >= maxHeld) return false;
    this.#held.push(message);
    return true;
  }

  /** Returns the messages of the attempt, and forgets those of earlier ones of its job. */
  take(ref: AttemptRef): readonly EarlyMessage[] {
    const isOfJob = ({ ref: other }: EarlyMessage): boolean => other.jobId === ref.jobId;
    const taken = this.#held.filter((one) => isOfJob(one) && compareRefs(one.ref, ref) === 0);
    this.#held = this.#held.filter((one) => !isOfJob(one) || compareRefs(one.ref, ref) > 0);
    return taken;
  }
}
