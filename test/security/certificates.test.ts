import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createAuthority, issueCertificate } from "@millrace/cli/security";
import { findPeerIdentity } from "@millrace/core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { runMillrace, type CommandResult } from "../e2e/run-millrace.ts";

let folder = "";
const certs = (name: string): string => join(folder, "certs", name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-certs-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function run(...args: readonly string[]): Promise<CommandResult> {
  return runMillrace("certs", ...args, "--folder", join(folder, "certs"));
}

async function read(name: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(certs(name)));
}

test("SEC3: certs init and issue make what coordinators and workers need, for their owner only", async () => {
  expect((await run("init", "--cluster", "mill")).exitCode).toBe(0);
  const hosts = ["--host", "c.example", "*.c.example", "10.0.0.1", "::1"];
  expect((await run("issue", "--role", "coordinator", "--name", "c1", ...hosts)).exitCode).toBe(0);
  const { stdout } = await run("issue", "--role", "worker", "--name", "w1", "--days", "30");
  expect(stdout).toContain(`--tls-ca ${certs("ca.pem")} --tls-cert ${certs("w1.pem")} --tls-key `);
  const [authority, coordinator, worker] = await Promise.all(
    ["ca.pem", "c1.pem", "w1.pem"].map(read),
  );
  if (authority === undefined || coordinator === undefined || worker === undefined) return;
  expect([authority.ca, coordinator.ca, worker.ca]).toEqual([true, false, false]);
  for (const one of [authority, coordinator, worker]) {
    expect(one.verify(authority.publicKey)).toBe(true);
    expect(one.validFromDate.getTime()).toBeLessThan(Date.now());
  }
  expect(coordinator.checkIP("10.0.0.1")).toBe("10.0.0.1");
  expect(coordinator.checkHost("c.example")).toBe("c.example");
  expect(coordinator.checkHost("d.example")).toBeUndefined();
  expect(findPeerIdentity(worker.subjectAltName)).toEqual({
    clusterName: "mill",
    role: "worker",
    name: "w1",
  });
  const days = (worker.validToDate.getTime() - Date.now()) / 86_400_000;
  expect(days).toBeCloseTo(30, 1);
  for (const name of ["ca.pem", "ca-key.pem", "c1.pem", "c1-key.pem", "w1-key.pem"]) {
    expect([name, (await stat(certs(name))).mode & 0o777]).toEqual([name, 0o600]);
  }
});

test.each([
  [["init", "--cluster", "mill"], "already-exists", /ca-key\.pem is there already/],
  [["issue", "--role", "worker", "--name", "w1"], "already-exists", /w1-key\.pem is there already/],
  [["issue", "--role", "coordinator", "--name", "c2"], "invalid-argument", /needs --host/],
  [["issue", "--role", "worker", "--name", "../w"], "invalid-argument", /is not a DNS label/],
  [["issue", "--role", "root", "--name", "w"], "invalid-argument", /Allowed choices/],
  [
    ["issue", "--role", "coordinator", "--name", "c3", "--host", "a b"],
    "invalid-argument",
    /neither a DNS name nor an IP address/,
  ],
] as const)("certs %j is refused: %s", async (args, code, message) => {
  const before = await readFile(certs("ca-key.pem"), "utf8");
  const { exitCode, stderr } = await run(...args);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`error[${code}]`);
  expect(stderr).toMatch(message);
  expect(await readFile(certs("ca-key.pem"), "utf8")).toBe(before);
});

test("certs issue without an authority says how to make one", async () => {
  const { exitCode, stderr } = await runMillrace(
    "certs",
    "issue",
    "--role",
    "worker",
    "--name",
    "w",
    "--folder",
    join(folder, "none"),
  );
  expect([exitCode, stderr]).toEqual([
    2,
    expect.stringContaining("make one by millrace certs init"),
  ]);
});

test("each certificate has a key and a number of its own, and no authority's key signs for another", async () => {
  const validity = {
    notBefore: new Date(Date.now() - 1_000),
    notAfter: new Date(Date.now() + 1e8),
  };
  const authority = await createAuthority("mill", validity);
  const make = async (): Promise<X509Certificate> => {
    const options = { authority, role: "worker", name: "w", hosts: [], ...validity } as const;
    return new X509Certificate((await issueCertificate(options)).certificate);
  };
  const [one, two] = await Promise.all([make(), make()]);
  expect(one?.serialNumber).not.toBe(two?.serialNumber);
  expect(one?.publicKey.equals(two?.publicKey ?? one.publicKey)).toBe(false);
  const other = new X509Certificate((await createAuthority("mill", validity)).certificate);
  expect(one?.verify(other.publicKey)).toBe(false);
});

test("SEC2: token create prints the token once and keeps its hash; revoke takes it out", async () => {
  const file = join(folder, "tokens.json");
  const token = (...args: readonly string[]): Promise<CommandResult> =>
    runMillrace("token", ...args, "--tokens", file);
  const made = await token("create", "--role", "submit", "--name", "ci");
  expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^mr_\S{43}\n$/) });
  await token("create", "--role", "read", "--name", "eyes");
  const unnamed = await token("create", "--role", "read", "-o", "json");
  expect(JSON.parse(unnamed.stdout)).toMatchObject({ name: "read-1", role: "read" });
  const kept = await readFile(file, "utf8");
  expect(kept).not.toContain(made.stdout.trim());
  expect(kept).toContain('"role": "submit"');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const twice = await token("create", "--role", "admin", "--name", "ci");
  expect([twice.exitCode, twice.stderr]).toEqual([2, expect.stringContaining("has a token ci")]);
  expect((await token("revoke", "--name", "ci")).exitCode).toBe(0);
  const rest = await readFile(file, "utf8");
  expect(rest).not.toContain("ci");
  expect(rest).toContain("eyes");
  expect((await token("revoke", "--name", "ci")).stderr).toContain("error[not-found]");
  await writeFile(file, "nonsense");
  const broken = await token("create", "--role", "read", "--name", "x");
  expect(broken.stderr).toContain("is not JSON");
  expect(await readFile(file, "utf8")).toBe("nonsense");
});
