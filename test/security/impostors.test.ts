import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { PemPair } from "@millrace/cli/security";
import { afterAll, beforeAll, expect, test } from "vitest";

import {
  createSecurityFolder,
  freePort,
  startProcess,
  type SecurityFolder,
  type StartedProcess,
} from "./process-kit.ts";
import { TestAuthority } from "./test-certificates.ts";

let security: SecurityFolder;
let address = "";
let coordinator: StartedProcess;

beforeAll(async () => {
  security = await createSecurityFolder([]);
  address = `127.0.0.1:${await freePort()}`;
  coordinator = await start("coordinator", ["--bind", address], security.tls("coordinator"));
});

afterAll(async () => {
  await coordinator[Symbol.asyncDispose]();
  await security[Symbol.asyncDispose]();
});

function start(
  role: "coordinator" | "worker",
  args: readonly string[],
  tls: readonly string[],
): Promise<StartedProcess> {
  const data = join(security.folder, "data");
  return startProcess([role, "--data", data, ...args, ...tls]);
}

/** Writes a pair that a process can be started with; the same name again replaces it. */
async function flagsOf(
  name: string,
  pair: PemPair,
  authority: string = security.authority.pair.certificate,
): Promise<readonly string[]> {
  const [ca, certificate, key] = ["ca", "cert", "key"].map((file) =>
    join(security.folder, `${name}-${file}.pem`),
  );
  if (ca === undefined || certificate === undefined || key === undefined) return [];
  await writeFile(ca, authority);
  await writeFile(certificate, pair.certificate);
  await writeFile(key, pair.privateKey);
  return ["--tls-ca", ca, "--tls-cert", certificate, "--tls-key", key];
}

const logOf =
  ({ log }: StartedProcess) =>
  () =>
    log.join("\n");
const soon = { timeout: 20_000 };

test("SEC3: a worker tells an impostor nothing, and joins the true coordinator", async () => {
  const stranger = await TestAuthority.create();
  const where = `127.0.0.1:${await freePort()}`;
  const pair = await stranger.issue("coordinator");
  const tls = await flagsOf("impostor", pair, stranger.pair.certificate);
  const data = ["--data", join(security.folder, "elsewhere")];
  await using impostor = await startProcess(["coordinator", ...data, "--bind", where, ...tls]);
  expect(impostor.ready).toBeDefined();
  const both = ["--coordinator", `${where},${address}`, "--id", "honest"];
  await using worker = await start("worker", both, security.tls("worker"));
  await expect.poll(logOf(worker), soon).toContain(`"leader":"${address}"`);
  expect(logOf(worker)()).toContain(`the certificate of the coordinator at ${where}`);
  expect(logOf(worker)()).toContain("which is not the authority that is believed here");
  expect(logOf(impostor)()).not.toContain("honest");
  expect(logOf(coordinator)()).toContain("honest");
});

test.each([
  ["of another authority", async () => (await TestAuthority.create()).issue("worker")],
  ["that is not valid yet", () => security.authority.issue("worker", { from: 0.5 })],
] as const)(
  "SEC3: a worker with a certificate %s stays out, says why, and comes in once it is replaced",
  async (what, make) => {
    const id = what.replaceAll(" ", "-");
    const tls = await flagsOf("late", await make());
    await using worker = await start("worker", ["--coordinator", address, "--id", id], tls);
    await expect
      .poll(logOf(worker), soon)
      .toContain(
        "a session needs a worker's certificate of this cluster: the certificate of the peer",
      );
    expect(logOf(coordinator)()).toContain("refused a session");
    expect(logOf(coordinator)()).not.toContain(`"workerId":"${id}"`);
    await flagsOf("late", await security.authority.issue("worker"));
    await expect.poll(logOf(coordinator), soon).toContain(`"workerId":"${id}"`);
    expect([worker.exitCode, worker.log]).toEqual([null, expect.any(Array)]);
  },
);

test("a worker that speaks plain text to a TLS port is told what to give", async () => {
  await using worker = await start("worker", ["--coordinator", address, "--id", "plain"], []);
  await expect
    .poll(logOf(worker), soon)
    .toContain(
      `the coordinator at ${address} speaks TLS and this came in plain text: give --tls-ca`,
    );
  expect(logOf(coordinator)()).toContain("does not speak TLS");
  expect(logOf(coordinator)()).not.toContain('"workerId":"plain"');
});

test("a process with a certificate that expired does not start, and says which and when", async () => {
  const tls = await flagsOf("old", await security.authority.issue("worker", { until: -0.5 }));
  await using worker = await start("worker", ["--coordinator", address, "--id", "old"], tls);
  expect([worker.ready, worker.exitCode]).toEqual([undefined, 2]);
  expect(logOf(worker)()).toMatch(
    /"code":"tls-failed","message":"the certificate .*old-cert\.pem expired at/,
  );
});
