import { networkInterfaces } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import {
  createSecurityFolder,
  freePort,
  listeningAddresses,
  startProcess,
  type SecurityFolder,
} from "./process-kit.ts";

let security: SecurityFolder;
let count = 0;

beforeAll(async () => {
  security = await createSecurityFolder([{ name: "a", role: "read", sha256: "0".repeat(64) }]);
});

afterAll(() => security[Symbol.asyncDispose]());

/** An address of this machine that others can reach; the loopback's neighbour is none. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

const given = {
  none: (): readonly string[] => [],
  tls: (): readonly string[] => security.tls("coordinator"),
  tokens: (): readonly string[] => security.tokens,
  both: (): readonly string[] => [...security.tls("coordinator"), ...security.tokens],
} as const;

type Given = keyof typeof given;

function startCoordinator(args: readonly string[]) {
  count += 1;
  const data = ["--data", join(security.folder, `data-${count}`)];
  return startProcess(["coordinator", ...data, ...args]);
}

test.each([
  ["127.0.0.1", "none", []],
  ["127.0.0.1", "both", []],
  ["0.0.0.0", "both", []],
  ["0.0.0.0", "none", ["--allow-insecure"]],
  ["0.0.0.0", "tls", ["--allow-insecure"]],
] satisfies readonly (readonly [string, Given, readonly string[]])[])(
  "SEC1: a coordinator at %s with %s %j starts, and listens there and nowhere else",
  async (host, kind, more) => {
    const [port, metricsPort] = [await freePort(), await freePort()];
    const where = ["--bind", `${host}:${port}`, "--metrics-port", String(metricsPort)];
    await using started = await startCoordinator([...where, ...given[kind](), ...more]);
    expect(started.ready).toMatchObject({ event: "listening", address: `${host}:${port}` });
    // Metrics stay on this machine unless their own flag says something else.
    const expected = [`${host}:${port}`, `127.0.0.1:${metricsPort}`];
    expect(await listeningAddresses(started.processId)).toEqual(
      expected.toSorted((a, b) => a.localeCompare(b)),
    );
    const warnings = started.log.filter((line) => line.includes("as --allow-insecure says"));
    expect(warnings).toHaveLength(more.length);
    expect(warnings.every((line) => /"level":(?:40|"warn")/.test(line))).toBe(true);
  },
);

test.each([
  ["0.0.0.0", "none", /no TLS and no token file/],
  ["0.0.0.0", "tls", /there is no token file/],
  ["0.0.0.0", "tokens", /there is no TLS/],
  ["some-name", "none", /no TLS and no token file/],
] satisfies readonly (readonly [string, Given, RegExp])[])(
  "SEC1: a coordinator at %s with %s does not start, and says what to do",
  async (host, kind, reason) => {
    await using started = await startCoordinator(["--bind", `${host}:0`, ...given[kind]()]);
    expect(started.ready).toBeUndefined();
    expect(started.exitCode).toBe(2);
    const text = started.log.join("\n");
    expect(text).toContain("insecure-bind");
    expect(text).toMatch(reason);
    expect(text).toContain("or accept the risk with --allow-insecure");
  },
);

test.each(["coordinator", "worker"] as const)(
  "SEC1: metrics of a %s beyond this machine need TLS and tokens",
  async (role) => {
    const data = ["--data", join(security.folder, `metrics-${role}`)];
    const own = role === "coordinator" ? ["--bind", "127.0.0.1:0"] : ["--id", "w"];
    const port = await freePort();
    const metrics = ["--metrics-port", String(port), "--metrics-host", "0.0.0.0"];
    const args = [role, ...own, ...data, ...metrics];
    await using refused = await startProcess(args);
    expect([refused.exitCode, refused.log.join("")]).toEqual([
      2,
      expect.stringContaining("the metrics endpoint at 0.0.0.0 can be reached"),
    ]);
    await using started = await startProcess([...args, ...security.tls(role), ...security.tokens]);
    expect(started.ready).toBeDefined();
    expect(await listeningAddresses(started.processId)).toContain(`0.0.0.0:${port}`);
  },
);

test("SEC1: a worker listens for nothing but health checks unless it is told to", async () => {
  const port = await freePort();
  const where = ["--data", join(security.folder, "silent"), "--health-port", String(port)];
  await using started = await startProcess(["worker", "--id", "w", ...where]);
  expect(started.ready).toMatchObject({ event: "started" });
  await expect.poll(() => listeningAddresses(started.processId)).toEqual([`127.0.0.1:${port}`]);
});

test("SEC1: data sockets beyond this machine need TLS", async () => {
  const args = ["worker", "--id", "w", "--data", join(security.folder, "data-host")];
  await using refused = await startProcess([...args, "--data-host", outside ?? "0.0.0.0"]);
  expect([refused.exitCode, refused.log.join("")]).toEqual([
    2,
    expect.stringMatching(/the data sockets at .* can be reached .* no TLS/),
  ]);
  const host = outside ?? "127.0.0.1";
  await using started = await startProcess([
    ...args,
    "--data-host",
    host,
    ...security.tls("worker"),
  ]);
  expect(started.ready).toBeDefined();
  await expect
    .poll(() => listeningAddresses(started.processId), { timeout: 10_000 })
    .toEqual([expect.stringMatching(new RegExp(`^${host.replaceAll(".", "\\.")}:\\d+$`))]);
});

test.each([
  ["a certificate of another role", "worker", /is of a worker: make one by/],
  ["a certificate without its key", undefined, /needs all of --tls-ca, --tls-cert and --tls-key/],
] as const)("a coordinator with %s does not start", async (_what, role, reason) => {
  const all = security.tls(role ?? "coordinator");
  const flags = role === undefined ? all.slice(0, 4) : all;
  await using started = await startCoordinator(["--bind", "127.0.0.1:0", ...flags]);
  expect(started.ready).toBeUndefined();
  expect(started.log.join("\n")).toMatch(reason);
});
