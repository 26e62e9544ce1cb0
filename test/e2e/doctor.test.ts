import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { FaultLab, storeArgs, type Setup } from "./fault-lab.ts";
import { runMillraceIn, type CommandResult } from "./run-millrace.ts";

let lab: FaultLab;

beforeAll(async () => {
  lab = await FaultLab.start();
}, 300_000);

afterAll(() => lab[Symbol.asyncDispose]());

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

function doctor(setup: Setup, ...more: readonly string[]): Promise<CommandResult> {
  const { environment, coordinator } = setup;
  const args = [...storeArgs(setup), "--coordinator", coordinator, ...setup.more, ...more];
  return runMillraceIn({ environment }, "doctor", ...args);
}

async function findings(setup: Setup): Promise<readonly Finding[]> {
  const { stdout } = await doctor(setup, "-o", "json");
  return (JSON.parse(stdout) as { findings: readonly Finding[] }).findings;
}

/** What one fault is, how doctor names it, and what a coordinator and a worker that start with it do. */
interface Fault {
  readonly name: string;
  readonly setUp: () => Promise<Setup>;
  readonly check: string;
  readonly code: string;
  readonly says: RegExp;
  /** Absent: it has nothing to do with it. */
  readonly coordinator?: StartOutcome;
  readonly worker?: StartOutcome;
}

/** What a process says that starts with the fault. */
interface StartOutcome {
  /** It goes on, and ends well when it is asked to. */
  readonly isWaiting: boolean;
  readonly says: RegExp;
}

function ends(code: string): StartOutcome {
  return {
    isWaiting: false,
    says: new RegExp(`^error\\[${code}\\]: .+\\n {2}[A-Z].*\\.$`, "m"),
  };
}

function logs(says: RegExp): StartOutcome {
  return { isWaiting: true, says };
}

const closedPort = "http://127.0.0.1:9";

const faults: readonly Fault[] = [
  {
    name: "etcd cannot be reached",
    setUp: () => Promise.resolve({ ...lab.healthy, metadata: "etcd://127.0.0.1:9/lab" }),
    check: "metadata",
    code: "unavailable",
    says: /etcd:\/\/127\.0\.0\.1:9\/lab cannot be read: .*ECONNREFUSED/,
    coordinator: logs(/"code":"unavailable".*"waits for the metadata store"/),
  },
  {
    name: "etcd refuses the password",
    setUp: () => lab.lockedEtcd(),
    check: "metadata",
    code: "access-denied",
    says: /authentication failed.*check the user, the password/,
    coordinator: ends("access-denied"),
  },
  {
    name: "etcd has no room",
    setUp: () => lab.fullEtcd(),
    check: "metadata",
    code: "out-of-space",
    says: /cannot be written: .*database space exceeded.*raise its quota/,
    coordinator: logs(/"code":"out-of-space".*"waits for the metadata store"/),
  },
  {
    name: "S3 cannot be reached",
    setUp: () => Promise.resolve({ ...lab.healthy, objects: lab.objectsAt(closedPort) }),
    check: "objects: list",
    code: "unavailable",
    says: /cannot list objects: .*127\.0\.0\.1:9/,
    coordinator: logs(/"code":"unavailable".*"waits for the object store"/),
    worker: logs(/"code":"unavailable".*"waits for the object store"/),
  },
  {
    name: "S3 refuses the secret",
    setUp: () => {
      const environment = { ...lab.healthy.environment, AWS_SECRET_ACCESS_KEY: "wrong" };
      return Promise.resolve({ ...lab.healthy, environment });
    },
    check: "objects: list",
    code: "access-denied",
    says: /SignatureDoesNotMatch|403/,
    coordinator: ends("access-denied"),
    worker: ends("access-denied"),
  },
  {
    name: "the bucket is another one",
    setUp: () => {
      const [endpoint = ""] = /http[^&]*$/.exec(decodeURIComponent(lab.healthy.objects)) ?? [];
      return Promise.resolve({
        ...lab.healthy,
        objects: lab.objectsAt(endpoint, "no-such-bucket"),
      });
    },
    check: "objects: list",
    code: "bucket-not-found",
    says: /no-such-bucket/,
    coordinator: ends("bucket-not-found"),
    worker: ends("bucket-not-found"),
  },
  {
    name: "the bucket is read-only",
    setUp: () => lab.fresh({ refuseWrites: { status: 403, code: "AccessDenied" } }),
    check: "objects: put",
    code: "access-denied",
    says: /cannot write an object \(it can list\)/,
    coordinator: ends("access-denied"),
  },
  {
    name: "S3 has no room",
    setUp: () => lab.fresh({ refuseWrites: { status: 507, code: "InsufficientStorage" } }),
    check: "objects: put",
    code: "out-of-space",
    says: /cannot write an object/,
    coordinator: logs(/"code":"out-of-space".*"the object store has no room"/),
  },
  {
    name: "this machine's clock is wrong",
    setUp: () => lab.behind({ clockOffsetMs: 3_600_000 }),
    check: "clock: S3",
    code: "clock-skew",
    says: /this machine's clock is 3[56]\d\d\.\d s behind that of S3/,
  },
  {
    name: "two clusters share a prefix",
    setUp: () => lab.otherCluster(),
    check: "metadata and objects",
    code: "cluster-mismatch",
    says: /its object store belongs to cluster/,
    coordinator: ends("cluster-mismatch"),
  },
  {
    name: "etcd was restored from a backup that is older than the objects (F33)",
    setUp: () => lab.restoredBackup(),
    check: "metadata and objects",
    code: "metadata-regressed",
    says: /was set back to an older backup/,
    coordinator: ends("metadata-regressed"),
  },
  {
    name: "the objects are elsewhere",
    setUp: () => lab.objectsElsewhere(),
    check: "metadata and objects",
    code: "cluster-mismatch",
    says: /has 1 jobs, and this object store has no mark of it/,
    coordinator: ends("cluster-mismatch"),
    worker: ends("cluster-mismatch"),
  },
  {
    name: "no coordinator runs",
    setUp: () => Promise.resolve({ ...lab.healthy, coordinator: "127.0.0.1:9" }),
    check: "coordinator: 127.0.0.1:9",
    code: "coordinator-unreachable",
    says: /cannot be reached/,
  },
  {
    name: "the coordinator's certificate is of another authority",
    setUp: async () => {
      const setup = await lab.tlsCoordinator();
      return { ...setup, more: ["--tls-ca", await lab.otherAuthority()] };
    },
    check: "coordinator:",
    code: "tls-failed",
    says: /not the authority that is believed here/,
  },
  {
    name: "the coordinator speaks TLS and the command does not",
    setUp: () => lab.tlsCoordinator(),
    check: "coordinator:",
    code: "tls-failed",
    says: /TLS/,
  },
  {
    name: "the coordinator wants a token",
    setUp: async () => {
      const tokens = join(lab.folder, "tokens.json");
      await writeFile(
        tokens,
        JSON.stringify([{ name: "a", role: "admin", sha256: "0".repeat(64) }]),
      );
      return lab.guardedCoordinator(tokens);
    },
    check: "coordinator:",
    code: "unauthenticated",
    says: /token/,
  },
  {
    name: "the data folder cannot be made",
    setUp: async () => ({ ...lab.healthy, data: await lab.blockedFolder() }),
    check: "data folder",
    code: "folder-not-writable",
    says: /cannot be written \(ENOTDIR/,
  },
];

test("a healthy cluster has no failures, and doctor leaves nothing behind", async () => {
  const before = await lab.names();
  const { exitCode, stdout } = await doctor(lab.healthy);
  expect(stdout).toContain("\n0 failed, ");
  expect(exitCode).toBe(0);
  expect(await lab.names()).toEqual(before);
});

const setups = new Map<string, Promise<Setup>>();

/** Each fault is set up once, for all tests of it. */
function setUpOnce({ name, setUp }: Fault): Promise<Setup> {
  const known = setups.get(name) ?? setUp();
  setups.set(name, known);
  return known;
}

test.each(faults)("doctor names it when $name: $code", async (fault) => {
  const { check, code, says } = fault;
  const setup = await setUpOnce(fault);
  const found = await findings(setup);
  const finding = found.find((one) => one.check.startsWith(check));
  expect(finding).toMatchObject({ status: "failed", code, message: expect.stringMatching(says) });
  expect(finding?.remedy).toMatch(/^[A-Z].*\.$/s);
  const text = await doctor(setup);
  expect(text.exitCode).toBe(1);
  expect(text.stdout).toContain(`failed[${code}] ${finding?.check}: `);
});

const starts = faults.flatMap((fault) => [
  ...(fault.coordinator === undefined
    ? []
    : [{ fault, name: fault.name, what: "coordinator" as const, outcome: fault.coordinator }]),
  ...(fault.worker === undefined
    ? []
    : [{ fault, name: fault.name, what: "worker" as const, outcome: fault.worker }]),
]);

test.each(starts)("a $what that starts says it when $name", async ({ fault, what, outcome }) => {
  const setup = await setUpOnce(fault);
  const { objects, data, environment, coordinator } = setup;
  const args = {
    coordinator: ["--bind", "127.0.0.1:0", ...storeArgs(setup)],
    worker: ["--coordinator", coordinator, "--objects", objects, "--data", data],
  };
  // What goes on is asked to end as soon as it has said so.
  const place = { environment, ...(outcome.isWaiting ? { endWhen: outcome.says } : {}) };
  const started = await runMillraceIn(place, what, ...args[what]);
  expect(started.stderr).toMatch(outcome.says);
  expect(started.exitCode === 0).toBe(outcome.isWaiting);
});
