import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";

import type { ByteStream, Listener, OwnedTlsMaterial, StreamError } from "@millrace/core";
import { createSocketNetwork } from "@millrace/exchange";
import { afterEach, beforeAll, expect, test } from "vitest";

import { TestAuthority, toMaterial } from "./test-certificates.ts";

const secret = "the channel token and a record";

let authority: TestAuthority;
let stranger: TestAuthority;
let worker: OwnedTlsMaterial;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
  worker = await authority.material("worker");
});

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

/** Listens as a worker would, and notes what reaches its exchange. */
async function listen(readTls: () => OwnedTlsMaterial) {
  const received: string[] = [];
  const refusals: string[] = [];
  const onRefused = ({ message }: StreamError): void => void refusals.push(message);
  const network = createSocketNetwork({ readTls, onRefused });
  const hint = { kind: "tcp", host: "127.0.0.1" } as const;
  const listener: Listener = await network.listenStreams(hint, (stream) => {
    received.push("a stream");
    stream.setHandlers({
      onData: (chunk) => {
        received.push(Buffer.from(chunk).toString());
        stream.write([Buffer.from("reply")]);
      },
      onDrain: () => {},
      onClose: () => {},
    });
  });
  opened.push(listener);
  return { ...listener, address: listener.address, received, refusals };
}

/** Returns what came back for the secret, or what the stream ended with. */
function exchange(stream: ByteStream): Promise<string> {
  return new Promise((resolve) => {
    stream.setHandlers({
      onData: (chunk) => resolve(Buffer.from(chunk).toString()),
      onDrain: () => {},
      onClose: (cause) => resolve(`closed: ${cause?.message ?? "without a cause"}`),
    });
    stream.write([Buffer.from(secret)]);
  });
}

const portOf = (address: string): number => Number(address.split(":").at(-1));

test("SEC3: two workers of a cluster exchange bytes over TLS", async () => {
  const { address, received, refusals } = await listen(() => worker);
  expect(address).toMatch(/^tls:127\.0\.0\.1:\d+$/);
  expect(await exchange(createSocketNetwork({ readTls: () => worker }).openStream(address))).toBe(
    "reply",
  );
  expect(received).toEqual(["a stream", secret]);
  expect(refusals).toEqual([]);
});

test("SEC3: who listens on the line between two workers reads nothing", async () => {
  const { address } = await listen(() => worker);
  const seen: Buffer[] = [];
  const proxy = createServer((from) => {
    const to = createConnection({ host: "127.0.0.1", port: portOf(address) });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on("data", (chunk: Buffer) => seen.push(chunk)).pipe(other);
      one.on("error", () => other.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  opened.push({ [Symbol.asyncDispose]: () => Promise.resolve(void proxy.close()) });
  const bound = proxy.address();
  const port = typeof bound === "object" ? bound?.port : undefined;
  const stream = createSocketNetwork({ readTls: () => worker }).openStream(`tls:127.0.0.1:${port}`);
  expect(await exchange(stream)).toBe("reply");
  stream.destroy();
  const line = Buffer.concat(seen);
  expect(line.length).toBeGreaterThan(500);
  // Neither what was said nor, in TLS 1.3, who said it.
  for (const text of [secret, "reply", "millrace://"]) expect(line.includes(text)).toBe(false);
});

test.each([
  ["no certificate", () => Promise.resolve(undefined), "shows no certificate"],
  ["an expired one", () => authority.material("worker", { until: -0.5 }), "expired at"],
  ["a coordinator's", () => authority.material("coordinator"), "is of a coordinator"],
  ["a command's", () => authority.material("client"), "is of a client"],
  [
    "one of another authority",
    async () => toMaterial(await stranger.issue("worker"), authority.pair.certificate),
    "which is not the authority that is believed here",
  ],
] as const)("SEC3: who comes with %s reaches no slot", async (_what, make, reason) => {
  const { address, received, refusals } = await listen(() => worker);
  const material = await make();
  const socket = connectTls({
    host: "127.0.0.1",
    port: portOf(address),
    ca: authority.pair.certificate,
    checkServerIdentity: () => undefined,
    ...(material === undefined
      ? {}
      : { cert: material.own.certificate, key: material.own.privateKey }),
  });
  socket.on("error", () => {});
  socket.write(secret);
  await once(socket, "close");
  expect(refusals).toEqual([expect.stringContaining(reason)]);
  expect(received).toEqual([]);
});

test("SEC3: a worker of another cluster under the same authority reaches no slot", async () => {
  const other = await TestAuthority.create("other");
  const both = authority.pair.certificate + other.pair.certificate;
  const { address, received, refusals } = await listen(() => ({ ...worker, authority: both }));
  const own = (await other.material("worker")).own;
  const stream = createSocketNetwork({
    // As one that would go on, whomever it talks to.
    readTls: () => ({ authority: both, own: { ...own, identity: worker.own.identity } }),
  }).openStream(address);
  expect(await exchange(stream)).toMatch(/^closed: /);
  expect(refusals).toEqual([expect.stringContaining("is of cluster other")]);
  expect(received).toEqual([]);
});

test.each([
  ["of a coordinator", () => authority.issue("coordinator"), "is of a coordinator"],
  ["that expired", () => authority.issue("worker", { until: -0.5 }), "expired at"],
  ["of another authority", () => stranger.issue("worker"), "which is not the authority"],
] as const)(
  "SEC3: a listener with a certificate %s is not told a word",
  async (_what, make, reason) => {
    const pair = await make();
    let heardBytes = 0;
    const impostor = createTlsServer({ cert: pair.certificate, key: pair.privateKey }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => (heardBytes += chunk.length));
    }).listen(0, "127.0.0.1");
    await once(impostor, "listening");
    const bound = impostor.address();
    const port = typeof bound === "object" ? bound?.port : undefined;
    const closed = once(impostor, "connection").then(([socket]: Socket[]) =>
      socket === undefined ? undefined : once(socket, "close"),
    );
    const stream = createSocketNetwork({ readTls: () => worker }).openStream(
      `tls:127.0.0.1:${port}`,
    );
    const end = await exchange(stream);
    expect(end).toContain(`closed: the certificate of the worker at tls:127.0.0.1:${port}`);
    expect(end).toContain(reason);
    await closed;
    expect(heardBytes).toBe(0);
    impostor.close();
  },
);

test("SEC3: a renewed certificate is shown to the next connection, on either side", async () => {
  const old = await authority.material("worker", { until: -0.5 });
  let [listening, connecting] = [old, worker];
  const { address, refusals } = await listen(() => listening);
  const network = createSocketNetwork({ readTls: () => connecting });
  expect(await exchange(network.openStream(address))).toContain("expired at");
  [listening, connecting] = [worker, old];
  expect(await exchange(network.openStream(address))).toMatch(/^closed: /);
  expect(refusals).toEqual([expect.stringContaining("expired at")]);
  connecting = worker;
  expect(await exchange(network.openStream(address))).toBe("reply");
});

test("plain text to a data socket with TLS is refused and named at the listener", async () => {
  const { address, received, refusals } = await listen(() => worker);
  const socket = createConnection({ host: "127.0.0.1", port: portOf(address) });
  socket.on("error", () => {});
  socket.write(secret.repeat(10));
  await once(socket, "close");
  expect(refusals).toEqual([
    expect.stringMatching(/^the peer at 127\.0\.0\.1:\d+ does not speak TLS/),
  ]);
  expect(received).toEqual([]);
});

test("a worker with a certificate connects to none without, and the other way round", async () => {
  const plain = createSocketNetwork();
  const hint = { kind: "tcp", host: "127.0.0.1" } as const;
  const listener = await plain.listenStreams(hint, () => {});
  opened.push(listener);
  const secure = createSocketNetwork({ readTls: () => worker });
  expect(() => secure.openStream(listener.address)).toThrow(
    "it speaks no TLS; give all workers one",
  );
  const forged = listener.address.replace("tcp:", "tls:");
  // The listener takes the handshake for a hello and waits for its end: any answer would do.
  const stream = secure.openStream(forged);
  stream.setHandlers({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
  stream.write([Buffer.from(secret)]);
  expect(stream.bufferedBytes()).toBeGreaterThanOrEqual(secret.length);
  stream.destroy();
  expect(() => plain.openStream("tls:127.0.0.1:1")).toThrow("this worker has no certificate");
});
