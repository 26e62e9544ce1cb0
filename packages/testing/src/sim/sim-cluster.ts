import { parseWorkerId, StreamError, type FailpointName, type JobId } from "@millrace/core";
import { createExchange, defaultExchangeOptions } from "@millrace/exchange";
import { canonicalPlanJson, planJob, type JobDefinition } from "@millrace/graph";
import { createNodeDigest } from "@millrace/platform";
import { decodeCallResponse, encodeCallRequest, type JobMethod } from "@millrace/rpc";
import { createHeapBackend } from "@millrace/state";
import { createWorker, defaultWorkerConfig, runSlot, type SlotPorts } from "@millrace/worker";

import { InvariantChecker } from "./invariant-checker.ts";
import { createSimCompressor } from "./sim-compressor.ts";
import { SimCoordinators, type ClusterShape } from "./sim-coordinators.ts";
import { createSimControlNetwork, createSimStreamNetwork } from "./sim-networks.ts";
import type { SimProcess } from "./sim-process.ts";
import { createSimTaskHost, type SimTaskHost } from "./sim-task-host.ts";
import { SimWorld } from "./sim-world.ts";

export interface SimClusterOptions {
  readonly seed: string;
  readonly failpoint?: FailpointName;
  readonly workerCount: number;
  readonly slotsPerWorker: number;
  /**
   * Several coordinators on a metadata store with leases, as with etcd. Absent: one machine with
   * SQLite, where the newest coordinator leads.
   */
  readonly coordinators?: ClusterShape;
}

const retryMs = 300;

/** Simulated records are few and far between: combining begins at once, and ends now and then. */
const simCombining: NonNullable<SlotPorts["combining"]> = {
  entryCount: 8,
  maxAgeMs: 300,
  trialRecordCount: 4,
  maxHeldRecordCount: 40,
  minRecordCount: 1,
  startReduction: 1,
  stopReduction: 1.1,
  minPauseRecordCount: 5,
  maxPauseRecordCount: 20,
};

/** A whole cluster in one thread: production code above the ports, simulated processes below. */
export class SimCluster {
  readonly world: SimWorld;
  readonly checker: InvariantChecker;
  readonly coordinators: SimCoordinators;
  readonly #options: SimClusterOptions;
  readonly #digest = createNodeDigest();
  readonly #jobs = new Map<string, JobDefinition>();
  readonly #workers: (SimProcess | undefined)[] = [];
  readonly #slots = new Map<number, SimTaskHost>();
  #incarnations = 0;
  #jobId: JobId | undefined;

  constructor(options: SimClusterOptions) {
    this.#options = options;
    const { seed, failpoint, coordinators: shape } = options;
    this.world = new SimWorld({ seed, failpoint, patience: shape?.patience });
    this.checker = new InvariantChecker(this.world);
    this.coordinators = new SimCoordinators({
      world: this.world,
      checker: this.checker,
      digest: this.#digest,
      shape,
      createProcess: (machine) => this.#newProcess(machine),
    });
  }

  /** The id of the submitted job, once a coordinator has taken it. */
  get jobId(): JobId | undefined {
    return this.#jobId;
  }

  get workerCount(): number {
    return this.#options.workerCount;
  }

  start(): void {
    this.coordinators.start();
    for (let index = 0; index < this.#options.workerCount; index += 1) this.startWorker(index);
  }

  workerProcess(index: number): SimProcess | undefined {
    const process = this.#workers[index];
    return process?.isAlive() === true ? process : undefined;
  }

  /** The worker's process, or for -1 the leading coordinator's; undefined if it does not live. */
  processOf(worker: number): SimProcess | undefined {
    return worker < 0 ? this.coordinators.leading() : this.workerProcess(worker);
  }

  /** Kills one slot of a worker, as a heap limit does; the worker's process lives on. */
  killSlot(worker: number): void {
    this.#slots.get(worker)?.crash();
  }

  /** Returns the names of two processes that live; -1 is the coordinator. */
  pairOf(left: number, right: number): readonly [string, string] | undefined {
    const other = this.processOf(right);
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
      onCommand: (command, ref) => {
        if (process.isAlive()) this.checker.commands.onCommand(process.name, command, ref);
      },
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
        storeRetry: { ...defaultWorkerConfig.storeRetry, maxTries: this.#maxCalls() },
        workerId: parseWorkerId(`worker-${index}`),
        coordinatorAddresses: this.coordinators.addresses,
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

  /**
   * Submits the job as a client would: again and again under one request id (F3). With `restoreFrom`
   * it goes on from the latest checkpoint of that job, which has ended.
   */
  submit(definition: JobDefinition, restoreFrom?: JobId): void {
    const graph = definition.build({ params: null, baseDirectory: "/" });
    const planJson = canonicalPlanJson(planJob(graph));
    const name = `${this.#options.seed}${" again".repeat(this.#jobs.size)}`;
    const bundle = new TextEncoder().encode(`// ${graph.jobName} of seed ${name}`);
    const bundleSha256 = this.#digest.sha256(bundle);
    this.#jobs.set(bundleSha256, definition);
    const request = encodeCallRequest("SubmitJob", {
      requestId: `request-${name}`,
      planJson,
      bundle,
      bundleSha256,
      params: null,
      environment: {},
      ...(restoreFrom === undefined
        ? {}
        : { restoreFrom: { jobId: restoreFrom, allowDroppedState: false } }),
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

  /** Ends the job without a savepoint, as a client would. */
  cancel(): void {
    if (this.#jobId === undefined) return;
    const request = encodeCallRequest("CancelJob", { jobId: this.#jobId });
    this.#callUntilAnswered("CancelJob", request, () => {});
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
      const { addresses } = this.coordinators;
      const address = addresses[tries % addresses.length] ?? "";
      network
        .call(address, { method, message, deadlineMs: 5_000 })
        .then(onAnswer, (error: unknown) => {
          this.world.loggerFor(client).log("info", `${method} failed: ${String(error)}`);
          if (method !== "SubmitJob" && StreamError.is(error, "invalid-argument")) return;
          client.post(retryMs, "retry", () => tryOnce(tries + 1));
        });
    };
    tryOnce(0);
  }

  #maxCalls(): number {
    const { coordinators } = this.#options;
    return coordinators?.patience.maxCalls ?? defaultWorkerConfig.storeRetry.maxTries ?? Infinity;
  }

  #slotPorts(process: SimProcess): SlotPorts {
    const { world } = this;
    const logger = world.loggerFor(process);
    const random = world.random.fork(`streams ${process.name}`);
    return {
      clock: process.clock(),
      turn: process.turn(),
      random: world.random.fork(`slot ${process.name}`),
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
      combining: simCombining,
    };
  }

  /** A name of its own per incarnation, with the machine's in front of the dot. */
  #newProcess(machine: string): SimProcess {
    this.#incarnations += 1;
    return this.world.createProcess(`${machine}.${this.#incarnations}`);
  }
}
