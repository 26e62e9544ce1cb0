import { chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startEtcd } from "../servers/etcd.ts";
import { delaysArgs, delaysModule } from "./hourly-delays.ts";
import { waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";
import { runMillraceIn, type CommandResult } from "./run-millrace.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-config-"));
  await mkdir(join(folder, "project/src"), { recursive: true });
  await mkdir(join(folder, "project/node_modules"), { recursive: true });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a command below the project, with a home of the test's own. */
function millrace(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<CommandResult> {
  const own = { XDG_CONFIG_HOME: join(folder, "home"), MILLRACE_COORDINATOR: undefined };
  const place = { folder: join(folder, "project/src"), environment: { ...own, ...environment } };
  return runMillraceIn(place, ...args);
}

async function writeConfig(text: string): Promise<string> {
  const path = join(folder, "project/millrace.config.ts");
  await writeFile(path, text);
  return path;
}

interface Row {
  readonly setting: string;
  readonly value: string;
  readonly origin: { readonly text: string };
}

async function settings(environment: Readonly<Record<string, string>>): Promise<readonly Row[]> {
  const { stdout } = await millrace(environment, "config", "-o", "json");
  return (JSON.parse(stdout) as { settings: readonly Row[] }).settings;
}

test("each setting comes from flag, variable, file, context or default, and config --origin says which", async () => {
  const path = await writeConfig(`
    interface Slots { readonly slots: number }
    const worker: Slots = { slots: 3 };
    export default {
      data: "state",
      metricsPort: 9100,
      commands: { worker },
      contexts: { staging: { coordinator: ["s1:8471", "s2:8471"], tokenFile: "staging.token" } },
    };
  `);
  const environment = {
    MILLRACE_METRICS_PORT: "9200",
    MILLRACE_CONTEXT: "staging",
    MILLRACE_TOKEN: "mr_secret",
  };
  const found = await settings(environment);
  const row = (name: string): Row | undefined => found.find(({ setting }) => setting === name);
  expect(row("slots")).toMatchObject({
    value: "3",
    origin: { text: `${path}: commands.worker.slots` },
  });
  expect(row("metricsPort")).toMatchObject({
    value: "9200",
    origin: { text: "MILLRACE_METRICS_PORT" },
  });
  expect(row("loadTimeout")).toMatchObject({ value: "10000", origin: { text: "default" } });
  const ofContext = found.filter(({ origin }) => origin.text === `context staging in ${path}`);
  expect(ofContext.map(({ value }) => value)).toEqual(
    expect.arrayContaining(["s1:8471,s2:8471", join(folder, "project/staging.token")]),
  );
  const data = found.filter(({ setting }) => /(?:^|\.)data$/.test(setting));
  expect(data.map(({ value }) => value)).toEqual([join(folder, "project/state")]);
  // The context has a token of its own, and the variable is at the same place.
  expect(row("token")?.value).toBe("***");
  const text = await millrace(environment, "config", "--origin");
  expect(text.stdout).toMatch(/^SETTING +VALUE +FROM\n/);
  expect(text.stdout).not.toContain("mr_secret");
});

test.each([
  [
    "export default { metricsPort: 'many' };",
    "worker",
    /metricsPort is "many": give a whole number/,
  ],
  [
    "export default { metricPort: 1 };",
    "list",
    /metricPort is not known; did you mean metricsPort\?/,
  ],
  [
    "export default { commands: { wroker: {} } };",
    "list",
    /commands\.wroker is not known; did you mean worker\?/,
  ],
  ["export default {", "list", /millrace\.config\.ts cannot be read: /],
  [
    "export default { context: 'nowhere' };",
    "list",
    /there is no context "nowhere"; there are none/,
  ],
])("the config file %j is refused by file and key", async (content, command, message) => {
  await writeConfig(content);
  const result = await millrace({}, command);
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toMatch(/^error\[config-invalid\]: /);
  expect(result.stderr).toMatch(message);
  expect(result.stderr).toMatch(/\n {2}Correct it there; `millrace config --origin`/);
});

test("a variable that cannot be used is named", async () => {
  await writeConfig("export default {};");
  const result = await millrace({ MILLRACE_METRICS_PORT: "99999" }, "worker");
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain(
    'error[config-invalid]: MILLRACE_METRICS_PORT is "99999": a port is at most 65535.',
  );
});

test("contexts are written, used, listed and forgotten; only this user can read the file", async () => {
  await writeConfig("export default {};");
  const set = ["context", "set", "prod", "--coordinator", "127.0.0.1:9,127.0.0.1:10"];
  expect(await millrace({}, ...set, "--tls-ca", "ca.pem")).toMatchObject({ exitCode: 0 });
  const file = join(folder, "home/millrace/contexts.json");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
    contexts: {
      prod: {
        coordinator: ["127.0.0.1:9", "127.0.0.1:10"],
        tlsCa: join(folder, "project/src/ca.pem"),
      },
    },
  });
  expect(await millrace({}, "context", "use", "nowhere")).toMatchObject({ exitCode: 2 });
  await millrace({}, "context", "set", "plain", "--coordinator", "127.0.0.1:9");
  await millrace({}, "context", "use", "plain");
  expect((await millrace({}, "context", "ls")).stdout).toMatch(/^plain \* +127\.0\.0\.1:9 /m);
  const used = await millrace({}, "list");
  expect(used.exitCode).toBe(3);
  expect(used.stderr).toContain("no coordinator answers at 127.0.0.1:9");
  await millrace({}, "context", "rm", "plain");
  expect((await millrace({}, "context", "ls")).stdout).not.toContain("plain");
});

// Only root can give a file away.
const isRoot = process.getuid?.() === 0;
test.runIf(isRoot)("a config file above that belongs to somebody else is not run", async () => {
  const path = await writeConfig("throw new Error('it was run');");
  await chown(path, 12_345, 12_345);
  const result = await millrace({}, "list");
  await rm(path);
  expect(result.stderr).toContain("belongs to another user (id 12345)");
});

test(
  "run follows its job over a change of the leader, and prints each line once (F2)",
  { timeout: 180_000 },
  async () => {
    await using etcd = await startEtcd();
    await using cluster = await RealCluster.start({
      workerCount: 2,
      slotsPerWorker: 1,
      coordinatorCount: 2,
      metadata: `etcd://${etcd.endpoints.join(",")}/follow`,
    });
    const config = await writeConfig(`export default { coordinator: "${cluster.address}" };`);
    // The input of the job is relative to the repository.
    const place = { environment: { MILLRACE_CONFIG: config, MILLRACE_COORDINATOR: undefined } };
    const out = join(folder, "out");
    const params = { limit: 400_000, rate: 20_000, out, checkpointMs: 500 };
    const running = runMillraceIn(place, "run", delaysModule, ...delaysArgs(params));
    const jobId = await firstJob(cluster);
    await waitForJob(cluster, jobId, ({ head }) => head !== undefined);
    await cluster.killCoordinator(0);
    const result = await running;
    expect(result.exitCode).toBe(0);
    const lines = result.stderr.split("\n");
    const timed = lines.filter((line) => /^\d\d:\d\d:\d\d\.\d{3} /.test(line));
    expect(timed.length).toBeGreaterThan(5);
    expect(new Set(timed).size).toBe(timed.length);
    // The new leader's own lines begin with the attempt that it raised.
    expect(timed.some((line) => /attempt 2 /.test(line))).toBe(true);
    expect(timed.some((line) => /checkpoint \d+ completed/.test(line))).toBe(true);
  },
);

async function firstJob(cluster: RealCluster): Promise<string> {
  for (;;) {
    const answer = (await cluster.command("list")) as { jobs: readonly { jobId: string }[] };
    const [job] = answer.jobs;
    if (job !== undefined) return job.jobId;
    await wait(200);
  }
}
