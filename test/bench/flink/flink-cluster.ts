import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import { findPorts } from "../../servers/server-process.ts";
import { classPath, flinkFolder, java } from "./build-flink.ts";

const run = promisify(execFile);
const startMs = 120_000;
const jobMs = 900_000;

const jobManagerClass = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
const taskManagerClass = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";

/** What a TaskManager of one slot has: 1.8 GiB of heap, 512 MiB for RocksDB, 256 MiB for the network. */
const taskManagerMemory = {
  "taskmanager.cpu.cores": "1.0",
  "taskmanager.memory.framework.heap.size": "128m",
  "taskmanager.memory.task.heap.size": "1664m",
  "taskmanager.memory.framework.off-heap.size": "128m",
  "taskmanager.memory.task.off-heap.size": "128m",
  "taskmanager.memory.network.min": "256m",
  "taskmanager.memory.network.max": "256m",
  "taskmanager.memory.managed.size": "512m",
  "taskmanager.memory.jvm-metaspace.size": "256m",
  "taskmanager.memory.jvm-overhead.min": "192m",
  "taskmanager.memory.jvm-overhead.max": "192m",
} as const;
const taskManagerJvm = [
  "-XX:+UseG1GC",
  "-Xms1792m",
  "-Xmx1792m",
  "-XX:MaxDirectMemorySize=512m",
  "-XX:MaxMetaspaceSize=256m",
] as const;

export interface FlinkOptions {
  /** Of one slot each. */
  readonly taskManagers: number;
  /** Flink's own settings, such as `heartbeat.timeout`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A standalone cluster: a JobManager and TaskManagers as JVMs of their own, on this machine. */
export class FlinkCluster implements AsyncDisposable {
  readonly folder: string;
  /** From the first process to the last registered TaskManager. */
  readonly startedMs: number;
  readonly #restPort: number;
  readonly #jobManager: ChildProcess;
  readonly #taskManagers: readonly ChildProcess[];

  private constructor(fields: {
    readonly folder: string;
    readonly startedMs: number;
    readonly restPort: number;
    readonly jobManager: ChildProcess;
    readonly taskManagers: readonly ChildProcess[];
  }) {
    this.folder = fields.folder;
    this.startedMs = fields.startedMs;
    this.#restPort = fields.restPort;
    this.#jobManager = fields.jobManager;
    this.#taskManagers = fields.taskManagers;
  }

  /** Returns a cluster whose TaskManagers have registered; needs `buildFlink` before. */
  static async start({ taskManagers, settings = {} }: FlinkOptions): Promise<FlinkCluster> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-flink-"));
    await mkdir(join(folder, "conf"));
    await writeFile(join(folder, "conf/config.yaml"), "");
    const [rpcPort = 0, restPort = 0, blobPort = 0] = await findPorts(3);
    const common = {
      "jobmanager.rpc.address": "127.0.0.1",
      "jobmanager.rpc.port": String(rpcPort),
      "jobmanager.bind-host": "127.0.0.1",
      "rest.address": "127.0.0.1",
      "rest.bind-address": "127.0.0.1",
      "rest.port": String(restPort),
      "blob.server.port": String(blobPort),
      ...settings,
    };
    const beganAtMs = performance.now();
    const jobManager = startJvm(
      ["-XX:+UseG1GC", "-Xms512m", "-Xmx1g"],
      [jobManagerClass, "--configDir", join(folder, "conf"), ...toOptions(common)],
    );
    const children = Array.from({ length: taskManagers }, (_, index) =>
      startJvm(taskManagerJvm, [
        taskManagerClass,
        "--configDir",
        join(folder, "conf"),
        ...toOptions({
          ...common,
          ...taskManagerMemory,
          "taskmanager.host": "127.0.0.1",
          "taskmanager.bind-host": "127.0.0.1",
          "taskmanager.numberOfTaskSlots": "1",
          "taskmanager.resource-id": `tm${index}`,
        }),
      ]),
    );
    try {
      await untilRegistered(restPort, taskManagers);
    } catch (error) {
      await Promise.all([jobManager, ...children].map(killNow));
      throw error;
    }
    const startedMs = performance.now() - beganAtMs;
    return new FlinkCluster({ folder, startedMs, restPort, jobManager, taskManagers: children });
  }

  /** The processes of the TaskManagers, by their index. */
  taskManagerProcessIds(): readonly number[] {
    return this.#taskManagers.map(({ pid }) => pid ?? 0);
  }

  /** All processes. */
  processIds(): readonly number[] {
    return [this.#jobManager.pid ?? 0, ...this.taskManagerProcessIds()];
  }

  /** Runs a job to its end and returns what its client printed; arguments as `bench.Main` takes them. */
  async run(
    args: Readonly<Record<string, string | number>>,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    const all = { port: this.#restPort, ckptdir: join(this.folder, "checkpoints"), ...args };
    const { stdout } = await run(
      java,
      [
        `@${join(flinkFolder, "java.opts")}`,
        "-Xmx512m",
        "-cp",
        classPath,
        "bench.Main",
        ...Object.entries(all).map(([name, value]) => `${name}=${value}`),
      ],
      {
        cwd: this.folder,
        timeout: jobMs,
        maxBuffer: 2 ** 24,
        ...(signal === undefined ? {} : { signal }),
      },
    );
    const result: unknown = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    if (typeof result === "object" && result !== null)
      return Object.fromEntries(Object.entries(result));
    throw new Error(`Flink's client printed ${stdout}`);
  }

  /** kill -9; returns when the process is gone. */
  async killTaskManager(index: number): Promise<void> {
    await killNow(this.#taskManagers[index]);
  }

  /** Asks the JobManager's REST interface. */
  async get(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.#restPort}${path}`);
    return response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#taskManagers, this.#jobManager].map(killNow));
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function toOptions(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
}

function startJvm(options: readonly string[], args: readonly string[]): ChildProcess {
  const all = [`@${join(flinkFolder, "java.opts")}`, ...options, "-cp", classPath, ...args];
  const child = spawn(java, all, { stdio: "ignore" });
  // It has gigabytes: it outlives no benchmark, however that ends.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

async function untilRegistered(restPort: number, count: number): Promise<void> {
  const giveUpAtMs = performance.now() + startMs;
  while (performance.now() < giveUpAtMs) {
    if ((await readTaskManagers(restPort)) === count) return;
    await delay(20);
  }
  throw new Error(`Flink's TaskManagers did not register within ${startMs / 1_000} s`);
}

async function readTaskManagers(restPort: number): Promise<number> {
  try {
    const response = await fetch(`http://127.0.0.1:${restPort}/overview`);
    const overview: unknown = await response.json();
    const isObject = typeof overview === "object" && overview !== null;
    return isObject && "taskmanagers" in overview ? Number(overview.taskmanagers) : 0;
  } catch {
    // It does not listen yet.
    return 0;
  }
}

async function killNow(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
