import { chown, mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "../e2e/job-modules.ts";
import { runMillrace } from "../e2e/run-millrace.ts";
import { startEtcd } from "../servers/etcd.ts";
import { startS3, type S3Server } from "../servers/s3.ts";
import { findPorts } from "../servers/server-process.ts";
import { podsOf, renderChart } from "./chart.ts";
import { Container, runInContainer } from "./container.ts";
import { buildImage, parseDockerfile, type BuiltImage } from "./image.ts";
import { at, listOf, textOf } from "./json.ts";

let image: BuiltImage;
let folder: string;
let modules: JobModules;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-image-test-"));
  modules = await JobModules.create();
  image = await buildImage();
});

afterAll(async () => {
  await modules?.[Symbol.asyncDispose]();
  await image?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const [userId, groupId] = [10_001, 10_001];

/** Returns a new folder that belongs to the image's user, as a volume of a pod does. */
async function makeVolume(name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  await chown(path, userId, groupId);
  return path;
}

test("the image that is built without a registry says what the Dockerfile says", async () => {
  const path = new URL("../../deploy/docker/Dockerfile", import.meta.url);
  const expected = parseDockerfile(await readFile(path, "utf8"));
  expect(expected.entrypoint).toEqual(["/usr/local/bin/millrace"]);
  expect(expected.user).toBe(`${userId}:${groupId}`);
  const { environment, labels, ...rest } = image.config;
  const { environment: expectedVariables, labels: expectedLabels, ...expectedRest } = expected;
  expect(rest).toEqual(expectedRest);
  expect(environment).toMatchObject(expectedVariables);
  expect(Object.keys(labels)).toEqual(expect.arrayContaining(Object.keys(expectedLabels)));
  const title = "org.opencontainers.image.title";
  expect(labels[title]).toBe(expectedLabels[title]);
});

test("the image is small, and has neither shell nor package manager", async () => {
  const megabytes = image.sizeBytes / 1_000_000;
  process.stdout.write(
    `image: ${megabytes.toFixed(0)} MB, built in ${(image.buildMs / 1_000).toFixed(1)} s\n`,
  );
  expect(megabytes).toBeLessThan(220);
  expect(await readdir(join(image.root, "usr/local/bin"))).toEqual(["millrace", "node"]);
  expect((await readdir(image.root)).toSorted()).not.toContain("bin");
  const packages = await readdir(join(image.root, "opt/millrace/node_modules"));
  const unwanted = ["typescript", "vitest", "oxlint", "npm", "pnpm", "@types", ".bin", ".pnpm"];
  expect(unwanted.filter((name) => packages.includes(name))).toEqual([]);
});

const probe = `
const { writeFileSync } = require("node:fs");
const tryWrite = (path) => { try { writeFileSync(path, "x"); return "written"; } catch (error) { return error.code; } };
const paths = ["/x", "/opt/millrace/dist/main.js", "/usr/local/bin/node", "/etc/passwd", "/tmp/x", "/data/x"];
console.log(JSON.stringify({
  writes: Object.fromEntries(paths.map((path) => [path, tryWrite(path)])),
  ids: [process.getuid(), process.geteuid(), process.getgid(), process.getegid(), ...process.getgroups()],
}));
`;

test("SEC12: as its user nothing but /tmp and the data volume can be written, and no id is root's", async () => {
  const dataFolder = await makeVolume("probe");
  const program = "/usr/local/bin/node";
  const { output } = await runInContainer({ image, dataFolder, program, args: ["-e", probe] });
  expect(JSON.parse(output)).toEqual({
    writes: {
      "/x": "EROFS",
      "/opt/millrace/dist/main.js": "EROFS",
      "/usr/local/bin/node": "EROFS",
      "/etc/passwd": "EROFS",
      "/tmp/x": "written",
      "/data/x": "written",
    },
    ids: [userId, userId, groupId, groupId, groupId],
  });
});

/** A worker's or coordinator's command line as the chart renders it, with what only a cluster has replaced. */
async function chartArgs(
  component: string,
  store: S3Server,
  replaced: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const values = [`objects.endpoint=${store.endpoint}`, `objects.bucket=${store.bucket}`];
  const more = ["objects.pathStyle=true", "workers.slots=2", "workers.drainTimeoutSeconds=10"];
  const manifests = await renderChart(["values-trial.yaml"], [...values, ...more]);
  const pod = podsOf(manifests).find(
    ({ labels }) => at(labels, "app.kubernetes.io/component") === component,
  );
  const args = listOf(at(pod?.spec, "containers", 0, "args")).map(textOf);
  for (const flag of Object.keys(replaced)) expect(args).toContain(flag);
  return args.map((argument, index) => replaced[args[index - 1] ?? ""] ?? argument);
}

/** Returns when the condition holds; throws what the containers wrote when it does not in time. */
async function until(
  condition: () => Promise<boolean>,
  containers: readonly Container[],
): Promise<void> {
  const giveUpAtMs = Date.now() + 60_000;
  while (!(await condition())) {
    const ended = containers.find(({ hasEnded }) => hasEnded);
    if (ended !== undefined || Date.now() > giveUpAtMs) {
      throw new Error(
        `it did not come about:\n${containers.map(({ output }) => output).join("\n")}`,
      );
    }
    await delay(100);
  }
}

test("F31: the chart's command lines run in the image, on a read-only root as its user: a job ends, workers drain", async () => {
  await using etcd = await startEtcd();
  await using store = await startS3();
  const [sessionPort, standbyPort, ...healthPorts] = await findPorts(6);
  const coordinators = [`127.0.0.1:${sessionPort}`, `127.0.0.1:${standbyPort}`];
  const environment = {
    AWS_ACCESS_KEY_ID: store.accessKeyId,
    AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
    AWS_REGION: store.region,
  };
  await using stack = new AsyncDisposableStack();
  const start = (dataFolder: string, args: readonly string[]): Container =>
    stack.use(new Container({ image, dataFolder, args, environment }));
  const run = (args: readonly string[], dataFolder: string) =>
    runInContainer({ image, dataFolder, args });

  const shared = await makeVolume("workers");
  const containers: Container[] = [];
  for (const [index, address] of coordinators.entries()) {
    const args = await chartArgs("coordinator", store, {
      "--bind": address,
      "--advertise": address,
      "--metadata": `etcd://${etcd.endpoints.join(",")}/millrace`,
      "--health-port": String(healthPorts[index]),
    });
    containers.push(start(await makeVolume(`coordinator-${index}`), args));
  }
  for (const [index, name] of ["worker-0", "worker-1"].entries()) {
    const args = await chartArgs("worker", store, {
      "--coordinator": coordinators.join(","),
      "--id": name,
      "--data-host": "127.0.0.1",
      "--health-port": String(healthPorts[index + 2]),
    });
    containers.push(start(shared, args));
  }
  // The probes' own command, in a container as the kubelet runs it.
  for (const port of healthPorts) {
    const args = ["health", "--port", String(port)];
    await until(async () => (await run(args, shared)).exitCode === 0, containers);
  }
  for (const container of containers) {
    const status = await container.readStatus();
    expect(status.get("Uid")).toBe(`${userId} ${userId} ${userId} ${userId}`);
    expect(status.get("Gid")).toBe(`${groupId} ${groupId} ${groupId} ${groupId}`);
    expect([status.get("CapEff"), status.get("CapPrm")]).toEqual(["0".repeat(16), "0".repeat(16)]);
    expect(status.get("NoNewPrivs")).toBe("1");
    expect((await container.readMounts()).get("/")).toContain("ro");
  }

  const path = await modules.add(
    "image-job.ts",
    `export default defineJob("image-job", (job) => {
      job.source("numbers", elements(Array.from({ length: 1000 }, (_, index) => index)))
        .keyBy((value) => value % 10)
        .count("counts")
        .map(({ key, value }) => ({ key, count: value }))
        .sink("lines", jsonLines({ path: "/data/out" }));
    });`,
  );
  const submitted = await runMillrace(
    "run",
    path,
    "--parallelism",
    "4",
    "--coordinator",
    coordinators.join(","),
  );
  expect(`${submitted.stderr}${submitted.stdout}`).toContain("finished");
  expect(submitted.exitCode).toBe(0);
  expect(await readCounts(join(shared, "out"))).toEqual(
    Array.from({ length: 10 }, (_, key) => ({ key, count: 100 })),
  );

  for (const worker of containers.slice(2)) {
    await worker.signal("SIGTERM");
    expect(await worker.untilEnd()).toMatchObject({ exitCode: 0 });
  }
  for (const coordinator of containers.slice(0, 2)) {
    await coordinator.signal("SIGTERM");
    expect(await coordinator.untilEnd()).toMatchObject({ exitCode: 0 });
  }
}, 180_000);

interface Count {
  readonly key: number;
  readonly count: number;
}

/** Returns the last count of each key in the files of the sink. */
async function readCounts(output: string): Promise<readonly Count[]> {
  const counts = new Map<number, number>();
  for (const entry of await readdir(output, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith(".")) continue;
    const text = await readFile(join(entry.parentPath, entry.name), "utf8");
    for (const line of text.split("\n").filter((each) => each !== "")) {
      const { key, count } = JSON.parse(line) as Count;
      counts.set(key, Math.max(counts.get(key) ?? 0, count));
    }
  }
  return [...counts]
    .map(([key, count]) => ({ key, count }))
    .toSorted((left, right) => left.key - right.key);
}
