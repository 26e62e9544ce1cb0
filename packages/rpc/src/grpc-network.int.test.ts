import { StreamError, type ControlService, type MessageSession } from "@millrace/core";
import { expect, test } from "vitest";

import { createGrpcNetwork } from "./grpc-network.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

function echoService(sessions: MessageSession[] = []): ControlService {
  return {
    onSession(session) {
      sessions.push(session);
      session.setHandlers({
        onMessage: (message) => session.send(bytes(`echo ${text(message)}`)),
        onClose: () => {},
      });
    },
    onCall(method, message) {
      if (method === "CancelJob") {
        throw new StreamError("not-found", "there is no job delays-1", {
          domain: "user",
          retry: "never",
        });
      }
      return Promise.resolve(bytes(`${method} ${text(message)}`));
    },
  };
}

function collect(session: MessageSession): {
  readonly messages: string[];
  next(): Promise<string>;
  readonly closed: Promise<Error | undefined>;
} {
  const messages: string[] = [];
  const waiting: ((message: string) => void)[] = [];
  const closed = new Promise<Error | undefined>((resolve) => {
    session.setHandlers({
      onMessage: (message) => {
        const wake = waiting.shift();
        if (wake === undefined) messages.push(text(message));
        else wake(text(message));
      },
      onClose: resolve,
    });
  });
  const next = (): Promise<string> =>
    new Promise((resolve) => {
      const message = messages.shift();
      if (message === undefined) waiting.push(resolve);
      else resolve(message);
    });
  return { messages, next, closed };
}

test("a session carries messages both ways in order, and its end is seen", async () => {
  await using network = createGrpcNetwork();
  const sessions: MessageSession[] = [];
  await using server = await network.serve("127.0.0.1:0", echoService(sessions));
  const session = network.openSession(server.address);
  const received = collect(session);
  session.send(bytes("one"));
  session.send(bytes("two"));
  expect([await received.next(), await received.next()]).toEqual(["echo one", "echo two"]);
  sessions[0]?.close();
  expect(await received.closed).toBeUndefined();
});

test("a session with nobody at the other end is closed with a cause", async () => {
  await using network = createGrpcNetwork();
  const received = collect(network.openSession("127.0.0.1:1"));
  expect(await received.closed).toBeInstanceOf(Error);
});

test("a call answers, and its failure arrives with code and message", async () => {
  await using network = createGrpcNetwork();
  await using server = await network.serve("127.0.0.1:0", echoService());
  const call = (method: string): Promise<Uint8Array> =>
    network.call(server.address, { method, message: bytes("x"), deadlineMs: 5_000 });
  expect(text(await call("ListJobs"))).toBe("ListJobs x");
  await expect(call("CancelJob")).rejects.toMatchObject({
    code: "not-found",
    message: "there is no job delays-1",
    domain: "user",
  });
  await expect(
    network.call("127.0.0.1:1", { method: "ListJobs", message: bytes(""), deadlineMs: 2_000 }),
  ).rejects.toMatchObject({ code: "unavailable", retry: "backoff" });
});

test("an address that is taken is named, with what to do", async () => {
  await using network = createGrpcNetwork();
  await using server = await network.serve("127.0.0.1:0", echoService());
  await expect(network.serve(server.address, echoService())).rejects.toMatchObject({
    code: "port-in-use",
    message: expect.stringContaining(`${server.address} is in use`),
  });
});
