import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { repository } from "../../e2e/real-cluster.ts";
import { findPorts } from "../../servers/server-process.ts";
import type { LinkKind } from "../faults/schedule.ts";
import type { SeededRandom } from "../faults/seeded-random.ts";
import { startTcpProxy, type TcpProxy } from "../proxy/tcp-proxy.ts";
import { startStores, type ClusterStores, type StoresKind } from "./cluster-stores.ts";
import { SupervisedProcess, type SupervisedOptions } from "./supervised-process.ts";

const run = promisify(execFile);
const main = join(repository, "packages/cli/dist/main.js");

export interface ChaosClusterOptions {
  readonly storesKind: StoresKind;
  /** Of one slot each. */
  readonly workerCount: number;
  /** Exists and is empty. */
  readonly folder: string;
  readonly gcPeriodMs: number;
  /** Decides how long a process that ended stays away. */
  readonly random: SeededRandom;
  readonly onEntry: SupervisedOptions["onEntry"];
  readonly onExit: SupervisedOptions["onExit"];
}

/** The connections of one process to others of a kind: one each, which fail together. */
export interface LinkGroup {
  readonly process: string;
  readonly proxies: readonly TcpProxy[];
}

export interface ChaosCluster extends AsyncDisposable {
  readonly stores: ClusterStores;
  readonly coordinators: readonly SupervisedProcess[];
  readonly workers: readonly SupervisedProcess[];
  links(kind: LinkKind): readonly LinkGroup[];
  /** Runs a command of the CLI against the coordinators and returns what it printed as JSON. */
  command(...args: readonly string[]): Promise<unknown>;
}

/** Returns a cluster whose processes are starting: coordinators, workers, and their stores. */
export async function startChaosCluster(options: ChaosClusterOptions): Promise<ChaosCluster> {
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(await startStores(options.storesKind, options.folder));
  const builder = new ClusterBuilder(options, stores, opened);
  // Without leases a second coordinator would depose the first one.
  const coordinatorCount = stores.kind === "embedded" ? 1 : 2;
  const ports = await findPorts(coordinatorCount);
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const coordinators = await Promise.all(
    addresses.map((address, index) => builder.startCoordinator(`coordinator-${index}`, address)),
  );
  const workers = await Promise.all(
    Array.from({ length: options.workerCount }, (_, index) =>
      builder.startWorker(`worker-${index}`, addresses),
    ),
  );
  const all = opened.move();
  return {
    stores,
    coordinators,
    workers,
    links: (kind) => builder.links.get(kind) ?? [],
    command: (...args) => runCommand(args, addresses),
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
}

class ClusterBuilder {
  readonly links = new Map<LinkKind, LinkGroup[]>();
  readonly #options: ChaosClusterOptions;
  readonly #stores: ClusterStores;
  readonly #opened: AsyncDisposableStack;

  constructor(options: ChaosClusterOptions, stores: ClusterStores, opened: AsyncDisposableStack) {
    this.#options = options;
    this.#stores = stores;
    this.#opened = opened;
  }

  async startCoordinator(name: string, address: string): Promise<SupervisedProcess> {
    const { args, etcd } = await this.#stores.connect({ name, isCoordinator: true });
    if (etcd.length > 0) this.#addLink("coordinator-etcd", { process: name, proxies: etcd });
    const gc = ["--gc-period", String(this.#options.gcPeriodMs)];
    return this.#start(name, ["coordinator", "--bind", address, ...args, ...gc]);
  }

  async startWorker(name: string, coordinators: readonly string[]): Promise<SupervisedProcess> {
    const { args, s3 } = await this.#stores.connect({ name, isCoordinator: false });
    if (s3.length > 0) this.#addLink("worker-s3", { process: name, proxies: s3 });
    const proxies: TcpProxy[] = [];
    for (const address of coordinators) {
      proxies.push(this.#opened.use(await startTcpProxy(address)));
    }
    this.#addLink("worker-coordinator", { process: name, proxies });
    const where = ["--coordinator", proxies.map(({ address }) => address).join(",")];
    const tcp = this.#stores.kind === "production" ? ["--data-host", "127.0.0.1"] : [];
    return this.#start(name, ["worker", "--id", name, "--slots", "1", ...where, ...tcp, ...args]);
  }

  #start(name: string, args: readonly string[]): SupervisedProcess {
    const { onEntry, onExit, random } = this.#options;
    const process = new SupervisedProcess({
      name,
      args,
      environment: this.#stores.environment,
      onEntry,
      onExit,
      restartDelayMs: () => random.between(100, 1_500),
    });
    this.#opened.defer(() => process.end());
    return process;
  }

  #addLink(kind: LinkKind, group: LinkGroup): void {
    this.links.set(kind, [...(this.links.get(kind) ?? []), group]);
  }
}

async function runCommand(
  args: readonly string[],
  coordinators: readonly string[],
): Promise<unknown> {
  const all = [main, ...args, "--coordinator", coordinators.join(","), "-o", "json"];
  const { stdout } = await run(process.execPath, all, { cwd: repository });
  return JSON.parse(stdout);
}
