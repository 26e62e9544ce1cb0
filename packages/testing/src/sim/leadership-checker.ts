import type { CoordinatorEvent } from "@millrace/coordinator";
import type { MetadataTransaction, TransactionResult } from "@millrace/metadata";

import type { RunCounts } from "./invariant-checker.ts";
import type { SimProcess } from "./sim-process.ts";

export interface LeadershipCheckerOptions {
  readonly violate: (message: string) => void;
  readonly counts: RunCounts;
  /** The create revision of the election key: the epoch that may write; undefined without a leader. */
  readonly electionRevision: () => bigint | undefined;
  readonly nowMs: () => number;
}

/** A leader looks at its lease three times in its time; whoever woke up needs a moment to look. */
const lookShare = 4 / 3;
const momentMs = 200;

/** Who leads, by the metadata store, and who writes: S1, L2. */
export class LeadershipChecker {
  readonly #options: LeadershipCheckerOptions;
  readonly #epochOf = new Map<SimProcess, bigint>();
  readonly #steppedDown = new Set<SimProcess>();
  readonly #refused = new Map<SimProcess, number>();
  readonly #renewedAtMs = new Map<SimProcess, number>();

  constructor(options: LeadershipCheckerOptions) {
    this.#options = options;
  }

  onEvent(process: SimProcess, event: CoordinatorEvent): void {
    const { counts } = this.#options;
    if (event.kind === "leading") {
      counts.leaders += 1;
      this.#epochOf.set(process, event.leaderEpoch);
    } else if (event.kind === "deposed") {
      counts.stepDowns += 1;
      this.#steppedDown.add(process);
    }
  }

  /** S1: only the leader of the moment changes jobs. */
  onTransacted(
    process: SimProcess,
    { writes }: MetadataTransaction,
    { isApplied }: TransactionResult,
  ): void {
    if (!writes.some(({ key }) => key.includes("/jobs/"))) return;
    const { counts, electionRevision, violate } = this.#options;
    if (!isApplied) {
      counts.refusedWrites += 1;
      this.#refused.set(process, this.refusedWritesOf(process) + 1);
      return;
    }
    const epoch = this.#epochOf.get(process);
    if (epoch === electionRevision()) return;
    const keys = writes.map(({ key }) => key).join(", ");
    violate(`S1: ${process.name} of epoch ${epoch} wrote ${keys} under ${electionRevision()}`);
  }

  onLeaseRenewed(process: SimProcess): void {
    this.#renewedAtMs.set(process, this.#options.nowMs());
  }

  /** F6: nobody that can look at its clock leads on when its lease has long run out. */
  checkDeadlines(leaseMs: number): void {
    for (const process of this.#believers()) {
      const sinceMs = this.#options.nowMs() - (this.#renewedAtMs.get(process) ?? 0);
      if (process.runningMs() < momentMs || sinceMs <= leaseMs * lookShare + momentMs) continue;
      this.#options.violate(
        `L2: ${process.name} leads on, ${sinceMs.toFixed(0)} ms after its lease was last renewed`,
      );
    }
  }

  refusedWritesOf(process: SimProcess): number {
    return this.#refused.get(process) ?? 0;
  }

  /** The process that the election key names, if it lives. */
  leader(): SimProcess | undefined {
    const revision = this.#options.electionRevision();
    return this.#believers().find((process) => this.#epochOf.get(process) === revision);
  }

  /** L2: one coordinator leads, and no other takes itself for the leader. */
  checkOneLeader(): void {
    const leader = this.leader();
    const believers = this.#believers();
    if (leader !== undefined && believers.length === 1) return;
    const names = believers.map(({ name }) => name).join(", ");
    this.#options.violate(`L2: ${leader?.name ?? "nobody"} leads, and these think so: ${names}`);
  }

  #believers(): readonly SimProcess[] {
    return [...this.#epochOf.keys()].filter(
      (process) => process.isAlive() && !this.#steppedDown.has(process),
    );
  }
}
