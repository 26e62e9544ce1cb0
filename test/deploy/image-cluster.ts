import { setTimeout as delay } from "node:timers/promises";

import { startEtcd } from "../servers/etcd.ts";
import { startS3, type S3Server } from "../servers/s3.ts";
import { findPorts } from "../servers/server-process.ts";
import { podsOf, renderChart } from "./chart.ts";
import { Container, runInContainer, type ContainerResult } from "./container.ts";
import type { BuiltImage } from "./image.ts";
import { at, listOf, textOf } from "./json.ts";

const healthyTimeoutMs = 40_000;

type Component = "coordinator" | "worker" | "test";

export interface ImageClusterOptions {
  readonly image: BuiltImage;
  /** Returns a new folder that belongs to the image's user. */
  readonly makeVolume: (name: string) => Promise<string>;
  readonly valueFile: string;
  readonly assignments?: readonly string[];
  /** Flags that are taken out of what the chart renders. */
  readonly dropped?: readonly string[];
  /** The folders of secrets, by component and path inside. */
  readonly mounts?: Readonly<Partial<Record<Component, Readonly<Record<string, string>>>>>;
  /** Where coordinators listen. */
  readonly bindHost: string;
}

/**
 * Two coordinators and two workers of two slots in containers, over a real etcd and S3 server, with the
 * command lines that the chart renders; what only Kubernetes has is replaced: addresses, names, ports.
 */
export interface ImageCluster extends AsyncDisposable {
  /** With commas. */
  readonly coordinatorAddresses: string;
  readonly coordinators: readonly Container[];
  readonly workers: readonly Container[];
  /** What workers see at /data. */
  readonly workerFolder: string;
  /** Runs the command of `helm test`. */
  runTest(): Promise<ContainerResult>;
}

/** Returns a cluster whose probes have all answered. */
export async function startImageCluster(options: ImageClusterOptions): Promise<ImageCluster> {
  const stack = new AsyncDisposableStack();
  try {
    return await startParts(options, stack);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function startParts(
  options: ImageClusterOptions,
  stack: AsyncDisposableStack,
): Promise<ImageCluster> {
  const { image, makeVolume, mounts = {}, bindHost } = options;
  const etcd = stack.use(await startEtcd());
  const store = stack.use(await startS3());
  const environment = credentialsOf(store);
  const values = {
    ...options,
    assignments: [...storeValues(store), ...(options.assignments ?? [])],
  };
  const start = (component: Component, dataFolder: string, args: readonly string[]): Container =>
    stack.use(
      new Container({ image, dataFolder, args, environment, mounts: mounts[component] ?? {} }),
    );
  const ports = await findPorts(6);
  const sessionPorts = ports.slice(0, 2);
  const coordinatorAddresses = sessionPorts.map((port) => `127.0.0.1:${port}`).join(",");
  const workerFolder = await makeVolume("workers");
  const coordinators: Container[] = [];
  const workers: Container[] = [];
  for (const [index, port] of sessionPorts.entries()) {
    const args = await readChartArgs(values, "coordinator", {
      "--bind": `${bindHost}:${port}`,
      "--advertise": `127.0.0.1:${port}`,
      "--metadata": `etcd://${etcd.endpoints.join(",")}/millrace`,
      "--health-port": String(ports[2 + index]),
    });
    coordinators.push(start("coordinator", await makeVolume(`coordinator-${index}`), args));
    const workerArgs = await readChartArgs(values, "worker", {
      "--coordinator": coordinatorAddresses,
      "--id": `worker-${index}`,
      "--data-host": "127.0.0.1",
      "--health-port": String(ports[4 + index]),
    });
    workers.push(start("worker", workerFolder, workerArgs));
  }
  // The probes' own command, in a container beside, as the kubelet runs it.
  const isHealthy = async (port: number): Promise<boolean> => {
    const args = ["health", "--port", String(port)];
    return (await runInContainer({ image, dataFolder: workerFolder, args })).exitCode === 0;
  };
  const giveUpAtMs = Date.now() + healthyTimeoutMs;
  for (const port of ports.slice(2)) {
    await until(() => isHealthy(port), { containers: [...coordinators, ...workers], giveUpAtMs });
  }
  const runTest = async (): Promise<ContainerResult> => {
    const args = await readChartArgs(values, "test", { "--coordinator": coordinatorAddresses });
    return runInContainer({ image, dataFolder: workerFolder, args, mounts: mounts.test ?? {} });
  };
  return {
    coordinatorAddresses,
    coordinators,
    workers,
    workerFolder,
    runTest,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function credentialsOf(store: S3Server): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: store.accessKeyId,
    AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
    AWS_REGION: store.region,
  };
}

function storeValues(store: S3Server): readonly string[] {
  return [
    `objects.endpoint=${store.endpoint}`,
    `objects.bucket=${store.bucket}`,
    "objects.pathStyle=true",
    "workers.slots=2",
    "workers.drainTimeoutSeconds=10",
  ];
}

/** Returns the command line of a component's pod with the values of some flags replaced. */
async function readChartArgs(
  { valueFile, assignments = [], dropped = [] }: ImageClusterOptions,
  component: Component,
  replaced: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const pods = podsOf(await renderChart([valueFile], assignments));
  const pod = pods.find(({ labels }) => at(labels, "app.kubernetes.io/component") === component);
  const args = listOf(at(pod?.spec, "containers", 0, "args")).map(textOf);
  const missing = [...Object.keys(replaced), ...dropped].filter((flag) => !args.includes(flag));
  if (missing.length > 0 && component !== "test") {
    throw new Error(`the chart gives ${component} no ${missing.join(" ")}`);
  }
  return args
    .map((argument, index) => replaced[args[index - 1] ?? ""] ?? argument)
    .filter((argument) => !dropped.includes(argument));
}

/** Returns when the condition holds; throws what the containers wrote when it does not in time. */
async function until(
  condition: () => Promise<boolean>,
  limits: { readonly containers: readonly Container[]; readonly giveUpAtMs: number },
): Promise<void> {
  const { containers, giveUpAtMs } = limits;
  while (!(await condition())) {
    const hasEnded = containers.some((container) => container.hasEnded);
    if (hasEnded || Date.now() > giveUpAtMs) {
      const outputs = containers.map(({ output }) => output).join("\n");
      throw new Error(`the cluster did not become healthy:\n${outputs}`);
    }
    await delay(100);
  }
}
