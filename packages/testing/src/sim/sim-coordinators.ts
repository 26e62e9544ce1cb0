import {
  createCoordinator,
  defaultCoordinatorConfig,
  type Coordinator,
} from "@millrace/coordinator";
import { StreamError, type Digest, type StreamErrorCode } from "@millrace/core";

import type { InvariantChecker } from "./invariant-checker.ts";
import { createSimControlNetwork } from "./sim-networks.ts";
import type { SimProcess } from "./sim-process.ts";
import type { SimWorld } from "./sim-world.ts";

/** How long the object store is waited for. */
export interface Patience {
  /** For one call, with all its tries. */
  readonly deadlineMs: number;
  readonly tryTimeoutMs: number;
  /** Calls of a worker for one object, before it gives the checkpoint or the restore up. */
  readonly maxCalls: number;
}

/** What a cluster is like, beside its workers. */
export interface ClusterShape {
  /** Of coordinators. */
  readonly count: number;
  /** How long a coordinator leads that does not report. */
  readonly leaseMs: number;
  readonly patience: Patience;
}

export interface SimCoordinatorsOptions {
  readonly world: SimWorld;
  readonly checker: InvariantChecker;
  readonly digest: Digest;
  /** Absent: as on one machine, where a second one starts only to take over. */
  readonly shape: ClusterShape | undefined;
  /** Returns a process of a new incarnation on the machine. */
  readonly createProcess: (machine: string) => SimProcess;
}

/** Longer than any fault keeps a killed coordinator down. */
const supervisorMs = 8_000;
/** A coordinator that ended by itself is started again soon, and later each time, as Kubernetes does. */
const firstAfterExitMs = 500;
/** In a cluster a process that has stepped down takes its time to end. */
const exitMs = 50;
const deadlineCheckMs = 100;
const passing: readonly StreamErrorCode[] = [
  "unavailable",
  "unknown-outcome",
  "deadline-exceeded",
  "out-of-space",
];

/** The coordinators of a simulated cluster, each at its own address, and who sees to their lives. */
export class SimCoordinators {
  readonly addresses: readonly string[];
  readonly #options: SimCoordinatorsOptions;
  readonly #processes: (SimProcess | undefined)[] = [];
  readonly #coordinators = new Map<SimProcess, Coordinator>();
  /** What ended by itself, not by a fault. */
  readonly #ended = new WeakSet<SimProcess>();
  /** By place: how often one there ended by itself. */
  readonly #exitCounts: number[] = [];

  constructor(options: SimCoordinatorsOptions) {
    this.#options = options;
    const count = options.shape?.count ?? 2;
    this.addresses = Array.from({ length: count }, (_, place) => `coordinator-${place}:8471`);
  }

  start(): void {
    const count = this.#options.shape?.count ?? 1;
    for (let place = 0; place < count; place += 1) this.startAt(place);
    if (this.#options.shape !== undefined) this.#watchDeadlines(this.#options.shape);
  }

  /** Starts a coordinator at the place, if none lives there. */
  startAt(place: number): void {
    if (this.#processes[place]?.isAlive() === true) return;
    const { world, shape, createProcess } = this.#options;
    const process = createProcess(`coordinator-${place}`);
    this.#processes[place] = process;
    // A supervisor sees to it that one lives; a fault brings its own restart earlier.
    process.onKill(() => {
      this.#coordinators.delete(process);
      const afterMs = this.#ended.has(process) ? this.#backoffMs(place) : supervisorMs;
      world.scheduler.schedule(afterMs, "supervisor", () =>
        shape === undefined ? this.keep() : this.startAt(place),
      );
    });
    const coordinator = this.#create(process, this.addresses[place] ?? "");
    this.#coordinators.set(process, coordinator);
    process.post(0, "start", () => {
      coordinator.start().catch((error: unknown) => {
        this.#onEnded(process, error);
      });
    });
  }

  /** Starts the coordinator at the place where none lives, while another one leads. */
  usurp(): void {
    this.startAt(this.#processes[0]?.isAlive() === true ? 1 : 0);
  }

  /** On one machine: what collects garbage after the job has to live. */
  keep(): void {
    if (this.#options.shape === undefined && this.#newest() === undefined) this.startAt(0);
  }

  /** Starts a coordinator where this one was; on one machine always at the first address. */
  restart(process: SimProcess): void {
    const place = this.#options.shape === undefined ? 0 : this.#processes.indexOf(process);
    if (place >= 0) this.startAt(place);
  }

  /** The one that leads by the metadata store, if it lives; on one machine the newest. */
  leading(): SimProcess | undefined {
    if (this.#options.shape === undefined) return this.#newest();
    return this.#options.checker.leadership.leader();
  }

  /** One that lives and does not lead. */
  standby(): SimProcess | undefined {
    const leader = this.leading();
    return this.living().find((process) => process !== leader);
  }

  living(): readonly SimProcess[] {
    return this.#processes.flatMap((process) => (process?.isAlive() === true ? [process] : []));
  }

  /** The coordinators that live, each with its process. */
  all(): ReadonlyMap<SimProcess, Coordinator> {
    return this.#coordinators;
  }

  /** L2: what passes by itself is no reason to end. */
  #onEnded(process: SimProcess, error: unknown): void {
    const { world, checker, shape } = this.#options;
    world.loggerFor(process).log("error", `coordinator ended: ${String(error)}`);
    if (shape !== undefined && StreamError.is(error, ...passing)) {
      checker.violate(`L2: ${process.name} ends over what will pass: ${error.message}`);
    }
    this.#exit(process);
  }

  /** Returns what the supervisor waits after one more exit at the place. */
  #backoffMs(place: number): number {
    const before = this.#exitCounts[place] ?? 0;
    this.#exitCounts[place] = before + 1;
    return Math.min(supervisorMs, firstAfterExitMs * 2 ** before);
  }

  #exit(process: SimProcess): void {
    this.#ended.add(process);
    process.kill();
  }

  #watchDeadlines(shape: ClusterShape): void {
    const { world, checker } = this.#options;
    checker.leadership.checkDeadlines(shape.leaseMs);
    world.scheduler.schedule(deadlineCheckMs, "deadlines", () => this.#watchDeadlines(shape));
  }

  #newest(): SimProcess | undefined {
    return this.#processes.findLast((process) => process?.isAlive() === true);
  }

  #create(process: SimProcess, address: string): Coordinator {
    const { world, checker, digest, shape } = this.#options;
    return createCoordinator({
      network: createSimControlNetwork(world.fabric, process),
      metadata: world.metadataFor(process),
      objects: world.objectsFor(process),
      clock: process.clock(),
      random: world.random.fork(`random ${process.name}`),
      digest,
      logger: world.loggerFor(process),
      failpoints: world.failpoints,
      config: {
        ...defaultCoordinatorConfig,
        address,
        metadataPrefix: "sim/",
        heartbeatIntervalMs: 500,
        heartbeatTimeoutMs: 2_000,
        leaderCheckMs: 1_000,
        leaseMs: shape?.leaseMs ?? defaultCoordinatorConfig.leaseMs,
        slotWaitMs: 3_600_000,
        gcPeriodMs: 2_000,
        restartBackoff: { initialMs: 200, maxMs: 2_000, factor: 2 },
      },
      observer: (event) => {
        if (process.isAlive()) checker.onCoordinatorEvent(process, event);
      },
      onDeposed: () => {
        process.post(shape === undefined ? 0 : exitMs, "deposed", () => this.#exit(process));
      },
      onFailed: (error) => process.post(0, "failed", () => this.#onEnded(process, error)),
    });
  }
}
