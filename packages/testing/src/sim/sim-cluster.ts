import {
  createCoordinator,
  defaultCoordinatorConfig,
  type Coordinator,
} from "@millrace/coordinator";
import { parseWorkerId, StreamError, type FailpointName, type JobId } from "@millrace/core";
import { createExchange, defaultExchangeOptions } from "@millrace/exchange";
import { canonicalPlanJson, planJob, type JobDefinition } from "@millrace/graph";
import { createNodeDigest } from "@millrace/platform";
import { decodeCallResponse, encodeCallRequest, type JobMethod } from "@millrace/rpc";
import { createHeapBackend } from "@millrace/state";
import { createWorker, defaultWorkerConfig, runSlot, type SlotPorts } from "@millrace/worker";

import { InvariantChecker } from "./invariant-checker.ts";
import { createSimCompressor } from "./sim-compressor.ts";
import { createSimControlNetwork, createSimStreamNetwork } from "./sim-networks.ts";
import type { SimProcess } from "./sim-process.ts";
import { createSimTaskHost, type SimTaskHost } from "./sim-task-host.ts";
import { SimWorld } from "./sim-world.ts";

export interface SimClusterOptions {
  readonly seed: string;
  readonly failpoint?: FailpointName;
  readonly workerCount: number;
  readonly slotsPerWorker: number;
}

const coordinatorAddresses = ["coordinator-0:8471", "coordinator-1:8471"] as const;
const retryMs = 300;
/** Longer than any fault keeps a killed coordinator down. */
const supervisorMs = 8_000;

/** A whole cluster in one thread: production code above the ports, simulated processes below. */
export class SimCluster {
  readonly world: SimWorld;
  readonly checker: InvariantChecker;
  readonly #options: SimClusterOptions;
  readonly #digest = createNodeDigest();
  readonly #jobs = new Map<string, JobDefinition>();
  readonly #workers: (SimProcess | undefined)[] = [];
  readonly #slots = new Map<number, SimTaskHost>();
  readonly #coordinators: (SimProcess | undefined)[] = [];
  #incarnations = 0;
  #jobId: JobId | undefined;

  constructor(options: SimClusterOptions) {
    this.#options = options;
    this.world = new SimWorld(options.seed, options.failpoint);
    this.checker = new InvariantChecker(this.world);
  }

  /** The id of the submitted job, once a coordinator has taken it. */
  get jobId(): JobId | undefined {
    return this.#jobId;
  }

  get workerCount(): number {
    return this.#options.workerCount;
  }

  start(): void {
    this.startCoordinator(0);
    for (let index = 0; index < this.#options.workerCount; index += 1) this.startWorker(index);
  }

  workerProcess(index: number): SimProcess | undefined {
    const process = this.#workers[index];
    return process?.isAlive() === true ? process : undefined;
  }

  /** The coordinator that was started last, if it lives. */
  coordinatorProcess(): SimProcess | undefined {
    return this.#coordinators.findLast((process) => process?.isAlive() === true);
  }

  /** Starts a coordinator at one of two addresses, if none lives there. */
  startCoordinator(place: 0 | 1): void {
    const address = coordinatorAddresses[place];
    if (this.#coordinators[place]?.isAlive() === true) return;
    const process = this.#newProcess(`coordinator-${place}`);
    this.#coordinators[place] = process;
    // A supervisor sees to it that one lives; a fault brings its own restart earlier.
    process.onKill(() => {
      const label = "supervisor";
      this.world.scheduler.schedule(supervisorMs, label, () => this.keepCoordinator());
    });
    const coordinator = this.#createCoordinator(process, address);
    process.post(0, "start", () => {
      coordinator.start().catch((error: unknown) => {
        this.world.loggerFor(process).log("error", `coordinator ended: ${String(error)}`);
        process.kill();
      });
    });
  }

  /** Starts the coordinator at the place where none lives, while another one leads. */
  usurp(): void {
    this.startCoordinator(this.#coordinators[0]?.isAlive() === true ? 1 : 0);
  }

  /** After the job: garbage is collected only by a coordinator that lives. */
  keepCoordinator(): void {
    if (this.coordinatorProcess() === undefined) this.startCoordinator(0);
  }

  /** Kills one slot of a worker, as a heap limit does; the worker's process lives on. */
  killSlot(worker: number): void {
    this.#slots.get(worker)?.crash();
  }

  /** Returns the names of two processes that live; -1 is the coordinator. */
  pairOf(left: number, right: number): readonly [string, string] | undefined {
    const other = right < 0 ? this.coordinatorProcess() : this.workerProcess(right);
    const one = this.workerProcess(left);
    return one === undefined || other === undefined || one === other
      ? undefined
      : [one.name, other.name];
  }

  startWorker(index: number): void {
    if (this.workerProcess(index) !== undefined) return;
    const process = this.#newProcess(`worker-${index}`);
    this.#workers[index] = process;
    const logger = this.world.loggerFor(process);
    const random = this.world.random.fork(`random ${process.name}`);
    const taskHost = createSimTaskHost(process, {
      runSlot: (port, slot) => runSlot(port, this.#slotPorts(slot)),
      onCommand: (command, attempt) => this.checker.onSlotCommand(command, attempt),
    });
    this.#slots.set(index, taskHost);
    const worker = createWorker({
      network: createSimControlNetwork(this.world.fabric, process),
      objects: this.world.objectsFor(process),
      clock: process.clock(),
      random,
      digest: this.#digest,
      compressor: createSimCompressor(process),
      logger,
      taskHost,
      bundles: { store: (sha256) => Promise.resolve(sha256) },
      failpoints: this.world.failpoints,
      config: {
        ...defaultWorkerConfig,
        workerId: parseWorkerId(`worker-${index}`),
        coordinatorAddresses,
        processId: this.#incarnations,
        slotCount: this.#options.slotsPerWorker,
        orphanTimeoutMs: 3_600_000,
      },
    });
    process.post(0, "start", () => {
      worker.start();
      worker.done.then(
        () => process.kill(),
        (error: unknown) => {
          logger.log("error", `worker ended: ${String(error)}`);
          process.kill();
        },
      );
    });
  }

  /** Submits the job as a client would: again and again under one request id (F3). */
  submit(definition: JobDefinition): void {
    const graph = definition.build({ params: null, baseDirectory: "/" });
    const planJson = canonicalPlanJson(planJob(graph));
    const bundle = new TextEncoder().encode(`// ${graph.jobName} of seed ${this.#options.seed}`);
    const bundleSha256 = this.#digest.sha256(bundle);
    this.#jobs.set(bundleSha256, definition);
    const request = encodeCallRequest("SubmitJob", {
      requestId: `request-${this.#options.seed}`,
      planJson,
      bundle,
      bundleSha256,
      params: null,
      environment: {},
    });
    this.#callUntilAnswered("SubmitJob", request, (response) => {
      this.#jobId = decodeCallResponse("SubmitJob", response).jobId;
    });
  }

  /** Stops the job as a client would; a job that is not there yet, or over, is left as it is. */
  stop(isDrain: boolean): void {
    if (this.#jobId === undefined) return;
    const request = encodeCallRequest("StopJob", { jobId: this.#jobId, isDrain });
    this.#callUntilAnswered("StopJob", request, () => {});
  }

  /** Calls one coordinator after the other until one answers, be it with a refusal. */
  #callUntilAnswered(
    method: JobMethod,
    message: Uint8Array,
    onAnswer: (response: Uint8Array) => void,
  ): void {
    const client = this.world.createProcess("client");
    const network = createSimControlNetwork(this.world.fabric, client);
    const tryOnce = (tries: number): void => {
      const address = coordinatorAddresses[tries % 2] ?? coordinatorAddresses[0];
      network
        .call(address, { method, message, deadlineMs: 5_000 })
        .then(onAnswer, (error: unknown) => {
          this.world.loggerFor(client).log("info", `${method} failed: ${String(error)}`);
          if (method === "StopJob" && StreamError.is(error, "invalid-argument")) return;
          client.post(retryMs, "retry", () => tryOnce(tries + 1));
        });
    };
    tryOnce(0);
  }

  #createCoordinator(process: SimProcess, address: string): Coordinator {
    const logger = this.world.loggerFor(process);
    return createCoordinator({
      network: createSimControlNetwork(this.world.fabric, process),
      metadata: this.world.metadataFor(process),
      objects: this.world.objectsFor(process),
      clock: process.clock(),
      random: this.world.random.fork(`random ${process.name}`),
      digest: this.#digest,
      logger,
      failpoints: this.world.failpoints,
      config: {
        ...defaultCoordinatorConfig,
        address,
        metadataPrefix: "sim/",
        heartbeatIntervalMs: 500,
        heartbeatTimeoutMs: 2_000,
        leaderCheckMs: 1_000,
        slotWaitMs: 3_600_000,
        gcPeriodMs: 2_000,
        restartBackoff: { initialMs: 200, maxMs: 2_000, factor: 2 },
      },
      observer: (event) => {
        if (process.isAlive()) this.checker.onCoordinatorEvent(event);
      },
      onDeposed: () => process.post(0, "deposed", () => process.kill()),
    });
  }

  #slotPorts(process: SimProcess): SlotPorts {
    const { world } = this;
    const logger = world.loggerFor(process);
    const random = world.random.fork(`streams ${process.name}`);
    return {
      clock: process.clock(),
      turn: process.turn(),
      disk: world.disk,
      digest: this.#digest,
      logger,
      failpoints: world.failpoints,
      openExchange: () =>
        createExchange({
          network: createSimStreamNetwork(world.fabric, process, random),
          clock: process.clock(),
          logger,
          hint: { kind: "unix", host: "" },
          failpoints: world.failpoints,
          options: { ...defaultExchangeOptions, windowBytes: 8_192, minFrameBytes: 256 },
        }),
      loadJob: (bundleUrl) => {
        const job = this.#jobs.get(bundleUrl);
        return job === undefined
          ? Promise.reject(new Error(`no bundle ${bundleUrl}`))
          : Promise.resolve(job);
      },
      createKeyedBackend: (options) =>
        createHeapBackend({ ...options, failpoints: world.failpoints }),
    };
  }

  /** A name of its own per incarnation, with the machine's in front of the dot. */
  #newProcess(machine: string): SimProcess {
    this.#incarnations += 1;
    return this.world.createProcess(`${machine}.${this.#incarnations}`);
  }
}
