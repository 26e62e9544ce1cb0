import { chown, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "../e2e/job-modules.ts";
import { runMillrace } from "../e2e/run-millrace.ts";
import { startEtcd } from "../servers/etcd.ts";
import { provideHelm } from "../servers/helm.ts";
import { provideS3Program } from "../servers/s3-program.ts";
import { runInContainer } from "./container.ts";
import { startImageCluster, type ImageCluster } from "./image-cluster.ts";
import { buildImage, parseDockerfile, type BuiltImage } from "./image.ts";

let image: BuiltImage;
let folder: string;
let modules: JobModules;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-image-test-"));
  modules = await JobModules.create();
  // Where these are not there, installing them takes minutes.
  await provideHelm();
  await provideS3Program();
  await (await startEtcd())[Symbol.asyncDispose]();
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

test("F31: the chart's command lines run in the image, on a read-only root as its user: a job ends, workers drain", async () => {
  await using cluster = await startImageCluster({
    image,
    makeVolume: (name) => makeVolume(`trial-${name}`),
    valueFile: "values-trial.yaml",
    bindHost: "127.0.0.1",
  });
  const containers = [...cluster.coordinators, ...cluster.workers];
  for (const container of containers) {
    const status = await container.readStatus();
    expect(status.get("Uid")).toBe(`${userId} ${userId} ${userId} ${userId}`);
    expect(status.get("Gid")).toBe(`${groupId} ${groupId} ${groupId} ${groupId}`);
    expect([status.get("CapEff"), status.get("CapPrm")]).toEqual(["0".repeat(16), "0".repeat(16)]);
    expect(status.get("NoNewPrivs")).toBe("1");
    expect((await container.readMounts()).get("/")).toContain("ro");
  }
  await runCountingJob(cluster, []);
  expect((await cluster.runTest()).exitCode).toBe(0);

  for (const worker of cluster.workers) {
    await worker.signal("SIGTERM");
    expect(await worker.untilEnd()).toMatchObject({ exitCode: 0 });
  }
  for (const coordinator of cluster.coordinators) {
    await coordinator.signal("SIGTERM");
    expect(await coordinator.untilEnd()).toMatchObject({ exitCode: 0 });
  }
}, 180_000);

test("SEC1, SEC2, SEC3: with certificates and tokens from secrets the cluster runs, and strangers are refused", async () => {
  const secrets = await makeSecrets(join(folder, "secrets"));
  await using cluster = await startImageCluster({
    image,
    makeVolume: (name) => makeVolume(`secure-${name}`),
    valueFile: "values-minio.yaml",
    // The servers of this test have no TLS; the rest of the cluster has.
    assignments: ["insecure=true", "etcd.tls.existingSecret=", "objects.caSecret="],
    dropped: ["--allow-insecure"],
    mounts: {
      coordinator: {
        "/etc/millrace/tls": secrets.coordinator,
        "/etc/millrace/auth": secrets.tokens,
      },
      worker: { "/etc/millrace/tls": secrets.worker },
      test: { "/etc/millrace/tls": secrets.authority, "/etc/millrace/token": secrets.reader },
    },
    bindHost: "0.0.0.0",
  });
  expect(await cluster.runTest()).toMatchObject({ exitCode: 0 });

  const at = ["--coordinator", cluster.coordinatorAddresses];
  const authority = ["--tls-ca", join(secrets.authority, "ca.crt")];
  const reader = ["--token-file", join(secrets.reader, "token")];
  for (const [args, code] of [
    [[], "tls-failed"],
    [authority, "unauthenticated"],
  ] as const) {
    const { exitCode, stderr } = await runMillrace("list", ...at, ...args);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(`error[${code}]`);
  }
  const path = await addCountingJob("refused.ts");
  const refused = await runMillrace("run", path, ...at, ...authority, ...reader);
  expect(refused.stderr).toContain("error[permission-denied]");
  await runCountingJob(cluster, [...authority, "--token-file", join(secrets.submitter, "token")]);
}, 180_000);

/** Returns the path of a job that counts a thousand numbers by their last digit. */
function addCountingJob(name: string): Promise<string> {
  return modules.add(
    name,
    `export default defineJob("counting", (job) => {
      job.source("numbers", elements(Array.from({ length: 1000 }, (_, index) => index)))
        .keyBy((value) => value % 10)
        .count("counts")
        .map(({ key, value }) => ({ key, count: value }))
        .sink("lines", jsonLines({ path: "/data/out" }));
    });`,
  );
}

/** Runs it on both workers to its end, and checks what it wrote. */
async function runCountingJob(cluster: ImageCluster, security: readonly string[]): Promise<void> {
  const path = await addCountingJob("counting.ts");
  const where = ["--coordinator", cluster.coordinatorAddresses, ...security];
  const { exitCode, stderr, stdout } = await runMillrace(
    "run",
    path,
    "--parallelism",
    "4",
    ...where,
  );
  expect(`${stderr}${stdout}`).toContain("finished");
  expect(exitCode).toBe(0);
  expect(await readCounts(join(cluster.workerFolder, "out"))).toEqual(
    Array.from({ length: 10 }, (_, key) => ({ key, count: 100 })),
  );
}

interface Secrets {
  readonly authority: string;
  readonly coordinator: string;
  readonly worker: string;
  readonly tokens: string;
  readonly reader: string;
  readonly submitter: string;
}

/** Makes what the chart takes by existing secrets, with the commands that ../../deploy/README.md names. */
async function makeSecrets(parent: string): Promise<Secrets> {
  const certificates = join(parent, "certs");
  const tokensFile = join(parent, "tokens.json");
  await mkdir(parent);
  const make = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runMillrace(...args);
    expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
    return stdout.trim();
  };
  const at = ["--folder", certificates];
  await make("certs", "init", "--cluster", "image", ...at);
  const issue = ["certs", "issue", ...at];
  await make(...issue, "--role", "coordinator", "--name", "coordinator", "--host", "127.0.0.1");
  await make(...issue, "--role", "worker", "--name", "worker");
  const token = ["token", "create", "--tokens", tokensFile];
  const reader = await make(...token, "--role", "read", "--name", "helm-test");
  const submitter = await make(...token, "--role", "submit", "--name", "a-person");

  const read = (path: string): Promise<string> => readFile(path, "utf8");
  const authority = { "ca.crt": await read(join(certificates, "ca.pem")) };
  const identity = async (name: string) => ({
    ...authority,
    "tls.crt": await read(join(certificates, `${name}.pem`)),
    "tls.key": await read(join(certificates, `${name}-key.pem`)),
  });
  const tokens = { "tokens.json": await read(tokensFile) };
  return {
    authority: await makeSecret(join(parent, "authority"), authority),
    coordinator: await makeSecret(join(parent, "coordinator"), await identity("coordinator")),
    worker: await makeSecret(join(parent, "worker"), await identity("worker")),
    tokens: await makeSecret(join(parent, "tokens"), tokens),
    reader: await makeSecret(join(parent, "reader"), { token: reader }),
    submitter: await makeSecret(join(parent, "submitter"), { token: submitter }),
  };
}

/** Returns a folder as the kubelet mounts a secret with `defaultMode: 0440` and an fsGroup. */
async function makeSecret(path: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(path);
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(path, name), text, { mode: 0o440 });
    await chown(join(path, name), 0, groupId);
  }
  return path;
}

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
