import { createConnection, createServer } from "node:net";
import { connect as connectTls, type SecureVersion } from "node:tls";

import {
  StreamError,
  type Caller,
  type Listener,
  type MessageSession,
  type OwnedTlsMaterial,
  type TlsMaterial,
} from "@millrace/core";
import { createGrpcNetwork } from "@millrace/rpc";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { TestAuthority, toMaterial } from "./test-certificates.ts";

const bytes = new TextEncoder();
const texts = new TextDecoder();

let authority: TestAuthority;
let stranger: TestAuthority;
let coordinator: OwnedTlsMaterial;
let worker: OwnedTlsMaterial;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
  [coordinator, worker] = await Promise.all([
    authority.material("coordinator"),
    authority.material("worker"),
  ]);
});

/** What reached the service: nothing else may have. */
const calls: (readonly [string, Caller | undefined])[] = [];
const refusals: StreamError[] = [];
const listeners: AsyncDisposable[] = [];

beforeEach(() => {
  calls.length = 0;
  refusals.length = 0;
});

afterAll(() => Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]())));

async function serve(material: TlsMaterial | undefined): Promise<Listener> {
  const onRefused = (error: StreamError): void => void refusals.push(error);
  const network = createGrpcNetwork(
    material === undefined ? { onRefused } : { readTls: () => material, onRefused },
  );
  const listener = await network.serve("127.0.0.1:0", {
    onSession(session, caller) {
      calls.push(["session", caller]);
      session.setHandlers({ onMessage: (message) => session.send(message), onClose: () => {} });
    },
    onCall(method, message, caller) {
      calls.push([method, caller]);
      return Promise.resolve(message);
    },
  });
  listeners.push(listener);
  return listener;
}

/** Returns the answer of an echo by a call and by a session, or what each failed with. */
async function reach(address: string, material: TlsMaterial | undefined, token?: string) {
  await using network = createGrpcNetwork({
    ...(material === undefined ? {} : { readTls: () => material }),
    ...(token === undefined ? {} : { readToken: () => token }),
  });
  const message = bytes.encode("hello");
  const call = network
    .call(address, { method: "ListJobs", message, deadlineMs: 5_000 })
    .then((answer) => texts.decode(answer), describe);
  return { call: await call, session: await echo(network.openSession(address)) };
}

function echo(session: MessageSession): Promise<string> {
  return new Promise((resolve) => {
    session.setHandlers({
      onMessage: (message) => resolve(texts.decode(message)),
      onClose: (cause) => resolve(describe(cause)),
    });
    session.send(bytes.encode("hello"));
  });
}

function describe(caught: unknown): string {
  if (!(caught instanceof Error)) return String(caught);
  return `${"code" in caught ? String(caught.code) : ""}: ${caught.message}`;
}

test("SEC3: over TLS the service is told whose certificate came, and a call's token", async () => {
  const { address } = await serve(coordinator);
  expect(await reach(address, worker, "secret")).toEqual({ call: "hello", session: "hello" });
  const identity = { clusterName: "mill", role: "worker", name: "a-worker" };
  expect(calls).toEqual([
    ["ListJobs", expect.objectContaining({ isEncrypted: true, identity, token: "secret" })],
    ["session", expect.objectContaining({ isEncrypted: true, identity, host: "127.0.0.1" })],
  ]);
});

test("SEC3: who has only the authority's certificate comes in without an identity", async () => {
  const { address } = await serve(coordinator);
  const { call } = await reach(address, { authority: authority.pair.certificate }, "secret");
  expect(call).toBe("hello");
  const [, caller] = calls[0] ?? [];
  expect(caller).toMatchObject({ token: "secret", isEncrypted: true });
  expect(caller?.identity).toBeUndefined();
  expect(caller?.identityProblem).toMatch(/^the peer at 127\.0\.0\.1:\d+ shows no certificate/);
});

test("in plain text there is a caller too, and no identity", async () => {
  const { address } = await serve(undefined);
  expect(await reach(address, undefined, "secret")).toEqual({ call: "hello", session: "hello" });
  expect(calls[0]?.[1]).toMatchObject({ token: "secret", isEncrypted: false, host: "127.0.0.1" });
});

test.each([
  ["an expired certificate", { until: -0.5 }, /expired at .*: issue a new one/],
  ["one that is not valid yet", { from: 0.5 }, /is valid from .* only: correct the clock/],
] as const)("SEC3: %s of a worker counts as none, with the reason", async (_what, days, reason) => {
  const { address } = await serve(coordinator);
  await reach(address, await authority.material("worker", days));
  expect(calls).toHaveLength(2);
  for (const [, caller] of calls) {
    expect(caller?.identity).toBeUndefined();
    expect(caller?.identityProblem).toMatch(reason);
  }
});

test("SEC3: a worker of another authority, and of another cluster's name, has no identity", async () => {
  const { address } = await serve(coordinator);
  const impostor = toMaterial(await stranger.issue("worker"), authority.pair.certificate);
  await reach(address, impostor);
  expect(calls[0]?.[1]?.identityProblem).toContain("which is not the authority that is believed");
  calls.length = 0;
  const both = await TestAuthority.create("other");
  const believed = authority.pair.certificate + both.pair.certificate;
  const shared = await serve({ ...coordinator, authority: believed });
  const other = toMaterial(await both.issue("worker"), authority.pair.certificate);
  // It knows whom it talks to and goes on all the same.
  const { identity } = worker.own;
  await reach(shared.address, { ...other, own: { ...other.own, identity } });
  expect(calls[0]?.[1]?.identity).toBeUndefined();
  expect(calls[0]?.[1]?.identityProblem).toContain("is of cluster other");
});

test.each([
  ["expired", () => authority.issue("coordinator", { until: -0.5 }), /expired at/],
  [
    "for other hosts",
    () => authority.issue("coordinator", { hosts: ["c.example"] }),
    /other hosts/,
  ],
  ["of a worker", () => authority.issue("worker"), /is of a worker .*a coordinator is needed here/],
  ["of another authority", () => stranger.issue("coordinator"), /not the authority .*--tls-ca/],
] as const)(
  "SEC3: a coordinator whose certificate is %s is not told a word",
  async (_what, make, text) => {
    const { address } = await serve(toMaterial(await make(), authority.pair.certificate));
    const { call, session } = await reach(address, worker, "secret");
    for (const failure of [call, session]) {
      expect(failure).toMatch(/^tls-failed: the certificate of the coordinator at 127\.0\.0\.1:/);
      expect(failure).toMatch(text);
    }
    expect(calls).toEqual([]);
  },
);

test("SEC3: an impostor coordinator of another cluster under the same authority is refused", async () => {
  const other = await TestAuthority.create("other");
  const { address } = await serve(await other.material("coordinator"));
  const believing = { ...worker, authority: worker.authority + other.pair.certificate };
  const { session } = await reach(address, believing);
  expect(session).toContain("is of cluster other (millrace://other/coordinator/a-coordinator)");
  expect(calls).toEqual([]);
});

test("plain text to a TLS port is refused with what to do, at both ends", async () => {
  const { address } = await serve(coordinator);
  const { call, session } = await reach(address, undefined, "secret");
  for (const failure of [call, session]) {
    expect(failure).toBe(
      `tls-failed: the coordinator at ${address} speaks TLS and this came in plain text: give ` +
        "--tls-ca, and for a worker --tls-cert and --tls-key",
    );
  }
  expect(calls).toEqual([]);
  expect(refusals.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^the peer at 127\.0\.0\.1:\d+ does not speak TLS/),
  );
});

test("TLS to a plain port is refused with what to do", async () => {
  const { address } = await serve(undefined);
  const { call, session } = await reach(address, worker, "secret");
  for (const failure of [call, session]) {
    expect(failure).toContain(
      `tls-failed: the coordinator at ${address} does not speak TLS: start it`,
    );
  }
  expect(calls).toEqual([]);
});

test("nobody there stays what it is with TLS too: unavailable", async () => {
  const { call, session } = await reach("127.0.0.1:1", worker);
  expect(call).toMatch(/^unavailable: /);
  expect(session).toMatch(/^unavailable: /);
});

test.each(["TLSv1.2", "TLSv1.1"] as const)("SEC3: %s is not spoken", async (version) => {
  const { address } = await serve(coordinator);
  await expect(handshake(address, version)).rejects.toThrow(/protocol version|no protocols/i);
  expect(await handshake(address, "TLSv1.3")).toBe("TLSv1.3");
});

function handshake(address: string, version: SecureVersion): Promise<string | null> {
  const port = Number(address.split(":")[1]);
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: "127.0.0.1",
      port,
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ["h2"],
      ca: authority.pair.certificate,
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
  });
}

test("SEC3: renewed certificates are shown to the next connection, without a restart", async () => {
  let current = await authority.material("worker", { until: -0.5 });
  const { address } = await serve(coordinator);
  await using network = createGrpcNetwork({ readTls: () => current });
  await echo(network.openSession(address));
  current = worker;
  await echo(network.openSession(address));
  expect(calls.map(([, caller]) => caller?.identity?.role)).toEqual([undefined, "worker"]);
});

test("SEC3: a coordinator's renewed certificate is shown to the next connection", async () => {
  let current = await authority.material("coordinator", { until: -0.5 });
  await using network = createGrpcNetwork({ readTls: () => current });
  await using listener = await network.serve("127.0.0.1:0", {
    onSession: (session) =>
      session.setHandlers({ onMessage: (message) => session.send(message), onClose: () => {} }),
    onCall: (_method, message) => Promise.resolve(message),
  });
  expect((await reach(listener.address, worker)).call).toContain("expired at");
  current = coordinator;
  expect((await reach(listener.address, worker)).call).toBe("hello");
});

test("a server without a certificate does not start", async () => {
  await expect(serve({ authority: authority.pair.certificate })).rejects.toMatchObject({
    code: "tls-failed",
  });
});

test("a port in use is named with TLS too, and a closed listener leaves its port free", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const bound = server.address();
  const port = typeof bound === "object" ? (bound?.port ?? 0) : 0;
  await using network = createGrpcNetwork({ readTls: () => coordinator });
  const service = { onSession: () => {}, onCall: () => Promise.resolve(new Uint8Array(0)) };
  const serving = (): Promise<Listener> => network.serve(`127.0.0.1:${port}`, service);
  await expect(serving()).rejects.toMatchObject({ code: "port-in-use" });
  server.close();
  const listener = await serving();
  const silent = createConnection({ host: "127.0.0.1", port });
  await new Promise((resolve) => silent.once("connect", resolve));
  await listener[Symbol.asyncDispose]();
  await (await serving())[Symbol.asyncDispose]();
});

test("SEC2: a call without the right is refused by its headers, before its message is received", async () => {
  await using network = createGrpcNetwork();
  const seen: string[] = [];
  await using listener = await network.serve("127.0.0.1:0", {
    onSession: () => {},
    onCall: (method) => Promise.resolve(bytes.encode(method)),
    admit(what, caller) {
      seen.push(what === "session" ? what : what.method);
      if (caller.token === "right") return;
      throw new StreamError("unauthenticated", "who is it?", { domain: "user", retry: "never" });
    },
  });
  let sentBytes = 0;
  const proxy = createServer((from) => {
    const to = createConnection({
      host: "127.0.0.1",
      port: Number(listener.address.split(":")[1]),
    });
    from.on("data", (chunk: Buffer) => (sentBytes += chunk.length));
    for (const socket of [from, to]) socket.on("error", () => {});
    from.pipe(to).pipe(from);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => proxy.once("listening", resolve));
  const bound = proxy.address();
  const address = `127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`;
  const message = new Uint8Array(64 * 2 ** 20);
  const call = async (token: string): Promise<string> => {
    await using client = createGrpcNetwork({ readToken: () => token });
    const request = { method: "SubmitJob", message, deadlineMs: 20_000 };
    return await client.call(address, request).then((answer) => texts.decode(answer), describe);
  };
  expect(await call("wrong")).toBe("unauthenticated: who is it?");
  expect(sentBytes).toBeLessThan(4 * 2 ** 20);
  expect(await call("right")).toBe("SubmitJob");
  expect(sentBytes).toBeGreaterThan(message.length);
  expect(seen).toEqual(["SubmitJob", "SubmitJob"]);
  proxy.close();
});
