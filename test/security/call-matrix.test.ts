import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import {
  accessRoles,
  callsWithPolicy,
  createAccessControl,
  createCoordinator,
  defaultCoordinatorConfig,
  neededRole,
  type AccessRole,
  type Coordinator,
} from "@millrace/coordinator";
import {
  noFailpoints,
  parseJobId,
  parseWorkerId,
  silentLogger,
  StreamError,
  type ControlNetwork,
  type OwnedTlsMaterial,
  type PeerRole,
  type TlsMaterial,
} from "@millrace/core";
import { createMemoryMetadataStore } from "@millrace/metadata";
import { createNodeClock, createNodeDigest, createNodeRandom } from "@millrace/platform";
import {
  createGrpcNetwork,
  decodeCoordinatorMessage,
  encodeCallRequest,
  encodeWorkerMessage,
  isJobMethod,
  protocolVersion,
} from "@millrace/rpc";
import { createMemoryObjectStore } from "@millrace/storage";
import { afterAll, beforeAll, expect, test } from "vitest";

import { TestAuthority } from "./test-certificates.ts";

const root = new URL("../..", import.meta.url);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const tokens = accessRoles.map((role) => ({ name: role, role, sha256: sha256(`token-${role}`) }));

let authority: TestAuthority;
let trust: TlsMaterial;
let coordinator: Coordinator;
let network: (ControlNetwork & AsyncDisposable) | undefined;
let address = "";

beforeAll(async () => {
  authority = await TestAuthority.create();
  trust = { authority: authority.pair.certificate };
  const material = await authority.material("coordinator");
  const clock = createNodeClock();
  const digest = createNodeDigest();
  network = createGrpcNetwork({ readTls: () => material });
  coordinator = createCoordinator({
    network,
    metadata: createMemoryMetadataStore(),
    objects: createMemoryObjectStore(),
    clock,
    digest,
    random: createNodeRandom(),
    logger: silentLogger,
    failpoints: noFailpoints,
    config: { ...defaultCoordinatorConfig, address: "127.0.0.1:0" },
    access: createAccessControl({
      clock,
      digest,
      logger: silentLogger,
      readTokens: () => tokens,
      // The matrix shows more wrong tokens than a host may.
      limits: { maxFailures: 1_000, windowMs: 30_000, maxHosts: 1 },
    }),
  });
  ({ address } = await coordinator.start());
});

afterAll(async () => {
  await coordinator.close();
  await network?.[Symbol.asyncDispose]();
});

/** Every method of every service in the contract. */
const contract = ["job", "coordinator"].flatMap((file) => {
  const text = readFileSync(new URL(`proto/millrace/v1/${file}.proto`, root), "utf8");
  return [...text.matchAll(/^\s*rpc (\w+)\(/gm)].map(([, name = ""]) => name);
});
const unary = contract.filter((name) => name !== "Session");
const jobId = parseJobId("no-such-job");

/** Returns a request that the call can read. */
function requestOf(method: string): Uint8Array {
  if (!isJobMethod(method)) return new Uint8Array(0);
  const all = {
    requestId: "r",
    planJson: "{}",
    bundle: new Uint8Array(1),
    bundleSha256: "",
    params: {},
    environment: {},
    jobId,
    isDrain: false,
    afterSequence: 0,
    leaderEpoch: 0n,
    waitMs: 0,
  };
  return encodeCallRequest(method, all);
}

/** Returns the code of the call's failure, or `ok`. */
async function callWith(method: string, token: string | undefined): Promise<string> {
  await using client = createGrpcNetwork({
    readTls: () => trust,
    ...(token === undefined ? {} : { readToken: () => token }),
  });
  try {
    await client.call(address, { method, message: requestOf(method), deadlineMs: 5_000 });
    return "ok";
  } catch (caught) {
    return StreamError.from(caught).code;
  }
}

test("SEC2: the contract has the calls that the matrix below walks, each with a policy", () => {
  expect(contract).toContain("Session");
  expect(unary.length).toBeGreaterThan(7);
  expect(callsWithPolicy().toSorted()).toEqual(unary.toSorted());
});

test.each(unary)(
  "SEC2: %s needs a token, a known one, and of a role that is enough",
  async (method) => {
    const answers: Record<string, string> = { none: await callWith(method, undefined) };
    for (const role of accessRoles) answers[role] = await callWith(method, `token-${role}`);
    answers["bad"] = await callWith(method, `bad-${method}`);
    const isAllowed = (role: AccessRole): boolean =>
      accessRoles.indexOf(role) >= accessRoles.indexOf(neededRole(method));
    expect(answers).toMatchObject({ none: "unauthenticated", bad: "unauthenticated" });
    const refusals = ["permission-denied", "unauthenticated"];
    expect(accessRoles.map((role) => refusals.find((code) => code === answers[role]))).toEqual(
      accessRoles.map((role) => (isAllowed(role) ? undefined : "permission-denied")),
    );
  },
);

test("SEC2: a call that is not in the contract is not served, whatever the token", async () => {
  for (const token of [undefined, "token-admin"]) {
    expect(await callWith("DeleteEverything", token)).toBe("version-skew");
  }
});

/** Returns what the coordinator answers to a registration. */
async function register(material: TlsMaterial | undefined): Promise<string> {
  await using client = createGrpcNetwork({
    ...(material === undefined ? {} : { readTls: () => material }),
    readToken: () => "token-admin",
  });
  const answer = await new Promise<string>((resolve) => {
    const session = client.openSession(address);
    session.setHandlers({
      onMessage: (bytes) => {
        resolve(decodeCoordinatorMessage(bytes).kind);
      },
      onClose: (cause) => {
        const { code, message } = StreamError.from(cause);
        resolve(`${code}: ${message}`);
      },
    });
    session.send(
      encodeWorkerMessage({
        kind: "register",
        protocolVersion,
        version: "1",
        workerId: parseWorkerId("w"),
        incarnation: "i",
        processId: 1,
        slots: [],
        running: [],
      }),
    );
  });
  return answer;
}

const withOwn = (role: PeerRole, days = {}): Promise<OwnedTlsMaterial> =>
  authority.material(role, days);

test("SEC3: a session needs a worker's certificate; a token opens none", async () => {
  expect(await register(await withOwn("worker"))).toBe("welcome");
  const needs = "unauthenticated: a session needs a worker's certificate of this cluster: ";
  expect(await register(trust)).toMatch(new RegExp(`^${needs}the peer at .* shows no certificate`));
  expect(await register(await withOwn("client"))).toMatch(new RegExp(`^${needs}.* is of a client`));
  expect(await register(await withOwn("coordinator"))).toContain("is of a coordinator");
  expect(await register(await withOwn("worker", { until: -0.5 }))).toContain("expired at");
  expect(await register(undefined)).toContain("speaks TLS and this came in plain text");
});
