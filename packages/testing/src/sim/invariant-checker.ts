import {
  parseCommittedCheckpoint,
  parseManifest,
  type CommittedCheckpoint,
  type Manifest,
} from "@millrace/checkpoint";
import type { CoordinatorEvent } from "@millrace/coordinator";
import type { SinkTransactionId } from "@millrace/graph";
import type { MetadataEntry } from "@millrace/metadata";

import { CommandChecker } from "./command-checker.ts";
import { LeadershipChecker } from "./leadership-checker.ts";
import type { SimProcess } from "./sim-process.ts";
import type { SimWorld } from "./sim-world.ts";

/** What a run did, so that one can see that it tried what it claims. */
export interface RunCounts {
  attempts: number;
  commits: number;
  /** Jobs that went on from a checkpoint of another one. */
  restoredJobs: number;
  /** Attempts that restored a checkpoint with state in it. */
  nonEmptyRestores: number;
  removedObjects: number;
  /** How often somebody began to lead. */
  leaders: number;
  /** Leaders that stepped down by themselves. */
  stepDowns: number;
  /** Transactions of a coordinator that no longer led, or of an attempt that was over. */
  refusedWrites: number;
}

const prefix = "sim/";

/**
 * The safety invariants of `faults.md`, checked from outside of the cluster, on what it did to the
 * stores and told its slots. It trusts nothing that the cluster says of itself.
 */
export class InvariantChecker {
  readonly counts: RunCounts = {
    attempts: 0,
    commits: 0,
    restoredJobs: 0,
    nonEmptyRestores: 0,
    removedObjects: 0,
    leaders: 0,
    stepDowns: 0,
    refusedWrites: 0,
  };
  readonly leadership: LeadershipChecker;
  readonly commands: CommandChecker;
  /** Objects that a fault made other than what was written: nothing is promised of them. */
  readonly damaged: Set<string> = new Set();
  readonly #world: SimWorld;
  readonly #violations: string[] = [];
  readonly #entries = new Map<string, MetadataEntry>();
  /** Manifests by object name, as they were committed. */
  readonly #manifests = new Map<string, Manifest>();
  /** By checkpoint id. */
  readonly #attemptOf = new Map<bigint, number>();
  /** Of jobs that had ended before the one that is watched, with a slash behind. */
  readonly #endedPrefixes: string[] = [];
  /** What the watched job was submitted to go on from. */
  #origin: bigint | undefined;
  #highestCommitted = 0n;

  constructor(world: SimWorld) {
    this.#world = world;
    const violate = (message: string): void => this.violate(message);
    this.leadership = new LeadershipChecker({
      violate,
      counts: this.counts,
      nowMs: () => world.scheduler.nowMs(),
      electionRevision: () => this.#entries.get(`${prefix}election`)?.createRevision,
    });
    this.commands = new CommandChecker({
      violate,
      counts: this.counts,
      head: () => this.#head()?.checkpointId ?? this.#origin,
      attempt: () => this.#attempt(),
      hasEnded: (jobId) => this.#endedPrefixes.includes(`${prefix}jobs/${jobId}/`),
      attemptOf: (checkpointId) => this.#attemptOf.get(checkpointId),
    });
    world.onLeaseRenewed = (process) => this.leadership.onLeaseRenewed(process);
    world.onTransacted = (process, transaction, result) =>
      this.leadership.onTransacted(process, transaction, result);
    world.metadata.watch(prefix, 0n, {
      onChange: (key, entry) => this.#onMetadata(key, entry),
      onLost: () => {},
    });
    world.onObjectsRemoved = (names) => this.#onRemoved(names);
    world.target.guardPublish = (transaction) => this.#onPublish(transaction);
    world.scheduler.afterEvent = () => this.throwIfBroken();
  }

  /** Throws the first violation. */
  throwIfBroken(): void {
    const [first] = this.#violations;
    if (first !== undefined) throw new InvariantViolation(first);
  }

  violate(message: string): void {
    this.#violations.push(`at ${this.#world.scheduler.nowMs().toFixed(2)} ms: ${message}`);
  }

  /** How the job ended, once it has. */
  result(): string | undefined {
    return this.#entry("/result")?.value;
  }

  /** The job has ended: the next one is watched, which goes on from its latest checkpoint. */
  watchNextJob(): void {
    const key = [...this.#entries.keys()].find((name) => this.#isWatched(name, "/result"));
    if (key === undefined) throw new Error("the job has not ended");
    this.#origin = this.#head()?.checkpointId;
    this.#endedPrefixes.push(key.slice(0, -"result".length));
  }

  /** The names of everything that a retained checkpoint, a pin or the head references. */
  liveObjects(): ReadonlySet<string> {
    return new Set(this.retained().flatMap((pointer) => this.referencesOf(pointer)));
  }

  /** The manifest's name and those of its segments. */
  referencesOf({ manifestName }: CommittedCheckpoint): readonly string[] {
    const segments = this.#manifests.get(manifestName)?.segments ?? [];
    return [manifestName, ...segments.map(({ name }) => name)];
  }

  /** Of every checkpoint that is retained, and of the head, what the metadata holds. */
  retained(): readonly CommittedCheckpoint[] {
    return [...this.#entries]
      .filter(([key]) => isPointer(key))
      .map(([, { value }]) => parseCommittedCheckpoint(value));
  }

  onCoordinatorEvent(process: SimProcess, event: CoordinatorEvent): void {
    this.leadership.onEvent(process, event);
    if (event.kind === "attempt-raised") this.counts.attempts += 1;
    if (event.kind === "objects-removed") this.counts.removedObjects += event.names.length;
  }

  #onMetadata(key: string, entry: MetadataEntry | undefined): void {
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    if (entry !== undefined && this.#isWatched(key, "/head")) this.#onHead(entry.value);
  }

  /** S1, S4, S10 at the commit point. */
  #onHead(value: string): void {
    const head = parseCommittedCheckpoint(value);
    const attempt = this.#attempt();
    this.counts.commits += 1;
    this.#attemptOf.set(head.checkpointId, head.attempt);
    if (head.attempt !== attempt) {
      this.violate(`S1: attempt ${head.attempt} committed ${head.checkpointId} under ${attempt}`);
    }
    if (head.checkpointId <= this.#highestCommitted) {
      this.violate(`S10: checkpoint ${head.checkpointId} came after ${this.#highestCommitted}`);
    }
    // The first checkpoint of a job has none, also if the job goes on from another one.
    const parent = this.#highestCommitted === this.#origin ? 0n : this.#highestCommitted;
    this.#highestCommitted = head.checkpointId;
    const { objects } = this.#world;
    objects.get(head.manifestName).then(
      (bytes) =>
        this.#onManifest(head.manifestName, parseManifest(head.manifestName, bytes), parent),
      () => this.violate(`S4: manifest ${head.manifestName} is missing`),
    );
  }

  #onManifest(name: string, manifest: Manifest, parent: bigint): void {
    this.#manifests.set(name, manifest);
    if ((manifest.parent ?? 0n) !== parent) {
      this.violate(`S10: ${manifest.checkpointId} has parent ${manifest.parent}, not ${parent}`);
    }
    const election = this.#entries.get(`${prefix}election`);
    if (election?.createRevision !== manifest.leaderEpoch) {
      this.violate(`S1: epoch ${manifest.leaderEpoch} committed under ${election?.createRevision}`);
    }
    for (const segment of manifest.segments.filter((one) => !this.damaged.has(one.name))) {
      void this.#world.objects.stat(segment.name).then((sizeBytes) => {
        if (sizeBytes === segment.lengthBytes) return;
        const found = sizeBytes === undefined ? "is missing" : `has ${sizeBytes} bytes`;
        this.violate(`S4, S5: segment ${segment.name} of ${manifest.checkpointId} ${found}`);
      });
    }
  }

  /** S4: what is referenced stays; S4b: what may still be referenced stays. */
  #onRemoved(names: readonly string[]): void {
    const live = this.liveObjects();
    const head = this.#head()?.checkpointId ?? 0n;
    const isOver = this.result() !== undefined;
    for (const name of names) {
      if (live.has(name)) this.violate(`S4: live object ${name} was removed`);
      const [, attempt = "", checkpoint] = /^jobs\/[^/]+\/(\d+)\/(\d+)\//.exec(name) ?? [];
      // An attempt that was replaced can never commit again: its compare fails.
      const isEnded = this.#endedPrefixes.some((ended) => `${prefix}${name}`.startsWith(ended));
      const mayCommit = !isOver && !isEnded && Number(attempt) >= this.#attempt();
      if (mayCommit && checkpoint !== undefined && BigInt(checkpoint) > head) {
        this.violate(`S4b: ${name} was removed while the head was ${head}`);
      }
    }
  }

  /** S13: publishing happens after the commit. */
  #onPublish({ checkpointId, operatorName }: SinkTransactionId): void {
    const head = this.#head()?.checkpointId ?? this.#origin ?? 0n;
    if (checkpointId > head) {
      this.violate(`S13: ${operatorName} published ${checkpointId} while the head was ${head}`);
    }
  }

  #head() {
    const entry = this.#entry("/head");
    return entry === undefined ? undefined : parseCommittedCheckpoint(entry.value);
  }

  /** Of the watched job. */
  #entry(ending: string): MetadataEntry | undefined {
    return [...this.#entries].find(([key]) => this.#isWatched(key, ending))?.[1];
  }

  #isWatched(key: string, ending: string): boolean {
    return key.endsWith(ending) && !this.#endedPrefixes.some((ended) => key.startsWith(ended));
  }

  /** The attempt that may commit; 0 before the first. */
  #attempt(): number {
    const entry = this.#entry("/attempt");
    const record: unknown = entry === undefined ? {} : JSON.parse(entry.value);
    const hasAttempt = typeof record === "object" && record !== null && "attempt" in record;
    return hasAttempt ? Number(record.attempt) : 0;
  }
}

/** Whether the key points to a checkpoint. */
function isPointer(key: string): boolean {
  return /\/(head|checkpoints\/\d+)$/.test(key);
}

/** An invariant does not hold: the run has failed. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}
