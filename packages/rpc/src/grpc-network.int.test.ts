import { spawn } from "node:child_process";
import { once } from "node:events";

import type { ControlService, MessageSession } from "@millrace/core";
import { expect, test } from "vitest";

import { maxMessageBytes } from "./channel-options.ts";
import { createGrpcNetwork } from "./grpc-network.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

interface ServedSessions {
  readonly service: ControlService;
  /** Returns the next session, echoing, and what ended it. */
  next(): Promise<{
    readonly session: MessageSession;
    readonly closed: Promise<Error | undefined>;
  }>;
}

function serveSessions(onMessage: (session: MessageSession, message: Uint8Array) => void) {
  type Accepted = Awaited<ReturnType<ServedSessions["next"]>>;
  const accepted: Accepted[] = [];
  const waiting: ((one: Accepted) => void)[] = [];
  const service: ControlService = {
    onSession(session) {
      const closed = new Promise<Error | undefined>((resolve) => {
        session.setHandlers({
          onMessage: (message) => onMessage(session, message),
          onClose: resolve,
        });
      });
      const one = { session, closed };
      const take = waiting.shift();
      if (take === undefined) accepted.push(one);
      else take(one);
    },
    onCall: (method, message) => Promise.resolve(bytes(`${method} ${text(message)}`)),
  };
  const next: ServedSessions["next"] = () =>
    new Promise((resolve) => {
      const one = accepted.shift();
      if (one === undefined) waiting.push(resolve);
      else resolve(one);
    });
  return { service, next } satisfies ServedSessions;
}

const echo = (session: MessageSession, message: Uint8Array): void => session.send(message);

/** Returns the first message of the session, and what ended it. */
function collect(session: MessageSession): {
  readonly first: Promise<string>;
  readonly closed: Promise<Error | undefined>;
} {
  let resolveFirst: (message: string) => void = () => {};
  const first = new Promise<string>((resolve) => {
    resolveFirst = resolve;
  });
  const closed = new Promise<Error | undefined>((resolve) => {
    session.setHandlers({
      onMessage: (message) => resolveFirst(text(message)),
      onClose: resolve,
    });
  });
  return { first, closed };
}

test("a session ends at the client when the listener is disposed, and its port is free", async () => {
  await using network = createGrpcNetwork();
  const { service, next } = serveSessions(echo);
  const listener = await network.serve("127.0.0.1:0", service);
  const session = network.openSession(listener.address);
  const received = collect(session);
  session.send(bytes("hello"));
  expect(await received.first).toBe("hello");
  const { closed } = await next();
  await listener[Symbol.asyncDispose]();
  await Promise.all([received.closed, closed]);
  await using _again = await network.serve(listener.address, service);
});

test("a handler that throws breaks its own session and no other", async () => {
  await using network = createGrpcNetwork();
  const { service, next } = serveSessions((session, message) => {
    if (text(message) === "throw") throw new Error("a bug in a handler");
    session.send(message);
  });
  await using listener = await network.serve("127.0.0.1:0", service);
  const [broken, whole] = [1, 2].map(() => network.openSession(listener.address));
  const [brokenEnd, wholeEnd] = [broken, whole].map((session) => session && collect(session));
  broken?.send(bytes("throw"));
  expect((await (await next()).closed)?.message).toBe("a bug in a handler");
  expect(await brokenEnd?.closed).toMatchObject({
    code: "internal",
    message: "a bug in a handler",
  });
  whole?.send(bytes("still here"));
  expect(await wholeEnd?.first).toBe("still here");
  whole?.close();
});

test("a message over the limit breaks the session with its size", async () => {
  await using network = createGrpcNetwork();
  await using listener = await network.serve("127.0.0.1:0", serveSessions(echo).service);
  const session = network.openSession(listener.address);
  const { closed } = collect(session);
  session.send(new Uint8Array(maxMessageBytes + 1));
  expect(await closed).toMatchObject({
    code: "invalid-argument",
    message: expect.stringContaining(`${maxMessageBytes + 1} bytes`),
  });
});

test("a request over the limit is refused, unless it is a submission", async () => {
  await using network = createGrpcNetwork();
  await using listener = await network.serve("127.0.0.1:0", serveSessions(echo).service);
  const message = new Uint8Array(maxMessageBytes + 1);
  const call = (method: string, sent: Uint8Array): Promise<Uint8Array> =>
    network.call(listener.address, { method, message: sent, deadlineMs: 10_000 });
  await expect(call("CancelJob", message)).rejects.toMatchObject({ code: "invalid-argument" });
  await expect(call("SubmitJob", new Uint8Array(90 * 2 ** 20))).rejects.toMatchObject({
    code: "invalid-argument",
    retry: "never",
    message: expect.stringContaining("refuses so large a message"),
  });
  await expect(call("NoSuchCall", bytes(""))).rejects.toMatchObject({ code: "version-skew" });
});

const peerSource = `
  import { createGrpcNetwork } from ${JSON.stringify(new URL("grpc-network.ts", import.meta.url).href)};
  const network = createGrpcNetwork();
  const handlers = { onMessage() {}, onClose() {} };
  const [role, address] = process.argv.slice(1);
  if (role === "client") {
    const session = network.openSession(address);
    session.setHandlers(handlers);
    session.send(new TextEncoder().encode("hello"));
  } else {
    const listener = await network.serve("127.0.0.1:0", {
      onSession(session) {
        session.setHandlers(handlers);
        session.send(new TextEncoder().encode("hello"));
      },
      onCall: async () => new Uint8Array(0),
    });
    console.log(listener.address);
  }
  setInterval(() => {}, 1_000);
`;

function startPeer(...args: readonly string[]) {
  const flags = ["--conditions=@millrace/source", "--input-type=module", "--eval", peerSource];
  return spawn(process.execPath, [...flags, "--", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("the server sees at once that a client's process was killed", async () => {
  await using network = createGrpcNetwork();
  let greet: () => void = () => {};
  const greeted = new Promise<void>((resolve) => {
    greet = resolve;
  });
  const { service, next } = serveSessions(() => greet());
  await using listener = await network.serve("127.0.0.1:0", service);
  const peer = startPeer("client", listener.address);
  const { closed } = await next();
  await greeted;
  const fromMs = performance.now();
  peer.kill("SIGKILL");
  expect(await closed).toMatchObject({ code: "unavailable", retry: "backoff" });
  expect(performance.now() - fromMs).toBeLessThan(3_000);
});

test("the client sees at once that the server's process was killed", async () => {
  await using network = createGrpcNetwork();
  const peer = startPeer("server");
  const [address]: unknown[] = await once(peer.stdout, "data");
  const session = network.openSession(String(address).trim());
  const received = collect(session);
  expect(await received.first).toBe("hello");
  const fromMs = performance.now();
  peer.kill("SIGKILL");
  expect(await received.closed).toMatchObject({ code: "unavailable", retry: "backoff" });
  expect(performance.now() - fromMs).toBeLessThan(3_000);
});

test("a process that closed its network has nothing left that keeps it alive", async () => {
  const source = `
    import { createGrpcNetwork } from ${JSON.stringify(new URL("grpc-network.ts", import.meta.url).href)};
    const network = createGrpcNetwork();
    const listener = await network.serve("127.0.0.1:0", {
      onSession: (session) => session.setHandlers({ onMessage() {}, onClose() {} }),
      onCall: async () => new Uint8Array(0),
    });
    await network.call(listener.address, {
      method: "ListJobs", message: new Uint8Array(0), deadlineMs: 5000,
    });
    network.openSession(listener.address).setHandlers({ onMessage() {}, onClose() {} });
    network.openSession("127.0.0.1:1").setHandlers({ onMessage() {}, onClose() {} });
    await network[Symbol.asyncDispose]();
    await listener[Symbol.asyncDispose]();
  `;
  const flags = ["--conditions=@millrace/source", "--input-type=module", "--eval", source];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "inherit", "inherit"] });
  const [exitCode]: unknown[] = await once(child, "exit");
  expect(exitCode).toBe(0);
});
