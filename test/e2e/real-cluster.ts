import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { findPorts } from "../servers/server-process.ts";

const run = promisify(execFile);
export const repository: string = fileURLToPath(new URL("../..", import.meta.url));
const main = join(repository, "packages/cli/dist/main.js");

export interface RealClusterOptions {
  readonly workerCount: number;
  readonly slotsPerWorker: number;
  /** More arguments of each worker. */
  readonly workerArgs?: readonly string[];
  /** Default 1; more need `metadata` with leases. */
  readonly coordinatorCount?: number;
  /** `etcd://...`; default: SQLite in the cluster's folder. */
  readonly metadata?: string;
  /** `s3://...`; default: a folder in the cluster's folder. */
  readonly objects?: string;
  /** Of all processes, besides this one's: such as the credentials of S3. */
  readonly environment?: Readonly<Record<string, string>>;
  /** More arguments of each coordinator. */
  readonly coordinatorArgs?: readonly string[];
}

/** A coordinator and workers as processes of the built CLI, over a folder of their own. */
export class RealCluster implements AsyncDisposable {
  readonly folder: string;
  /** Of the coordinators, with commas. */
  readonly address: string;
  /** What the processes wrote to standard error: one JSON object a line. */
  readonly log: string[] = [];
  readonly #options: RealClusterOptions;
  readonly #coordinators: (ChildProcess | undefined)[] = [];
  readonly #workers: (ChildProcess | undefined)[] = [];
  /** They do not outlive who started them, however that ends. */
  readonly #killAll = (): void => {
    for (const child of [...this.#workers, ...this.#coordinators]) child?.kill("SIGKILL");
  };

  private constructor(folder: string, address: string, options: RealClusterOptions) {
    this.folder = folder;
    this.address = address;
    this.#options = options;
    process.once("exit", this.#killAll);
  }

  /** Returns a cluster whose processes have started. */
  static async start(options: RealClusterOptions): Promise<RealCluster> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-e2e-"));
    const ports = await findPorts(options.coordinatorCount ?? 1);
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const cluster = new RealCluster(folder, addresses.join(","), options);
    for (const index of addresses.keys()) await cluster.startCoordinator(index);
    for (let index = 0; index < options.workerCount; index += 1) cluster.startWorker(index);
    return cluster;
  }

  async startCoordinator(index = 0): Promise<void> {
    const { metadata, coordinatorArgs = [] } = this.#options;
    const bind = this.address.split(",")[index] ?? "";
    const place = metadata === undefined ? [] : ["--metadata", metadata];
    const where = ["--bind", bind, ...this.#stores(), ...place];
    const child = this.#spawn(["coordinator", ...where, ...coordinatorArgs]);
    this.#coordinators[index] = child;
    await Promise.race([once(child.stdout ?? child, "data"), once(child, "exit")]);
  }

  startWorker(index: number): void {
    const { slotsPerWorker, workerArgs = [] } = this.#options;
    const where = ["--coordinator", this.address, ...this.#stores()];
    const what = ["--id", `worker-${index}`, "--slots", String(slotsPerWorker)];
    this.#workers[index] = this.#spawn(["worker", ...where, ...what, ...workerArgs]);
  }

  /** kill -9; returns when the process is gone. */
  async killWorker(index: number): Promise<void> {
    await killNow(this.#workers[index]);
  }

  /** SIGTERM; returns the exit code. */
  async terminateWorker(index: number): Promise<number | null> {
    const child = this.#workers[index];
    if (child === undefined) throw new Error(`there is no worker ${index}`);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
    return child.exitCode;
  }

  async killCoordinator(index = 0): Promise<void> {
    await killNow(this.#coordinators[index]);
  }

  /** SIGSTOP. */
  pauseCoordinator(index: number): void {
    this.#coordinators[index]?.kill("SIGSTOP");
  }

  /** SIGCONT. */
  resumeCoordinator(index: number): void {
    this.#coordinators[index]?.kill("SIGCONT");
  }

  /** Runs a command of the CLI against this cluster and returns what it printed as JSON. */
  async command(...args: readonly string[]): Promise<unknown> {
    const all = [main, ...args, "--coordinator", this.address, "-o", "json"];
    const { stdout } = await run(process.execPath, all, { cwd: repository });
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers, ...this.#coordinators].map(killNow));
    process.off("exit", this.#killAll);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #stores(): readonly string[] {
    const { objects } = this.#options;
    const place = objects === undefined ? [] : ["--objects", objects];
    return ["--data", join(this.folder, "data"), ...place];
  }

  #spawn(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [main, ...args, "-o", "json"], {
      cwd: repository,
      env: { ...process.env, ...this.#options.environment },
    });
    child.stderr.setEncoding("utf8");
    let rest = "";
    child.stderr.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.log.push(...lines);
    });
    // Not read any further, but it must not fill up.
    child.stdout.resume();
    return child;
  }
}

async function killNow(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
