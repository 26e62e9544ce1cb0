import type { SplitRecord } from "@millrace/checkpoint";

import { sourceFailure } from "./source-failure.ts";
import type { SubtaskContext } from "./subtask-context.ts";

export interface SplitDiscoveryOptions {
  readonly context: SubtaskContext;
  readonly operatorName: string;
  readonly discover: () => Promise<readonly SplitRecord[]>;
  /** Absent: once is enough. */
  readonly repeatMs: number | undefined;
}

/**
 * Reports the splits of a source, from its first subtask: once, or again and again.
 *
 * I1 One discovery is under way at a time.
 * I2 Each report holds all splits: the coordinator knows which of them are new, also after a restore.
 */
export class SplitDiscovery {
  readonly #options: SplitDiscoveryOptions;
  #isUnderWay = false;
  /** Of the monotonic clock. */
  #nextAtMs = Infinity;
  /** The ids of the last report; a report without new ones is none. */
  #reported: ReadonlySet<string> | undefined;

  constructor(options: SplitDiscoveryOptions) {
    this.#options = options;
  }

  begin(): void {
    const { context, discover, repeatMs } = this.#options;
    this.#isUnderWay = true;
    context.mailbox.join(discover(), {
      onValue: (splits) => {
        this.#isUnderWay = false;
        this.#report(splits);
        if (repeatMs === undefined) return;
        this.#nextAtMs = context.clock.monotonicMs() + repeatMs;
        context.mailbox.wakeAfter(repeatMs);
      },
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Discovers again if it is time. */
  tick(): void {
    if (this.#isUnderWay || this.#nextAtMs === Infinity) return;
    if (this.#options.context.clock.monotonicMs() >= this.#nextAtMs) this.begin();
  }

  #report(splits: readonly SplitRecord[]): void {
    const reported = this.#reported;
    if (reported !== undefined && splits.every(({ id }) => reported.has(id))) return;
    this.#reported = new Set(splits.map(({ id }) => id));
    const { context, repeatMs } = this.#options;
    const { vertexId } = context;
    const more = repeatMs === undefined ? {} : ({ hasMore: true } as const);
    context.mailbox.send({ kind: "discovered-splits", vertexId, splits, ...more });
  }

  #fail(error: unknown): void {
    const { context, operatorName: operator } = this.#options;
    const what = `discovering the splits of source ${operator}`;
    context.mailbox.fail(context.subtaskId, sourceFailure(error, { what, location: { operator } }));
  }
}
