import { once } from "node:events";
import { createConnection, createServer, Socket } from "node:net";

import { afterEach, expect, test } from "vitest";

import { SocketStream } from "./socket-stream.ts";

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Returns a held stream, and what its other end has heard. */
async function connectHeld() {
  const heard: string[] = [];
  const ended = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.setEncoding("utf8").on("data", (text: string) => heard.push(text));
    socket.on("end", () => ended.resolve()).on("error", () => ended.resolve());
  }).listen(0, "127.0.0.1");
  closers.push(() => server.close());
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" ? (bound?.port ?? 0) : 0;
  const socket: Socket = createConnection({ host: "127.0.0.1", port });
  await once(socket, "connect");
  const stream = new SocketStream(socket, { isHeld: true });
  closers.push(() => stream.destroy());
  const causes: (Error | undefined)[] = [];
  stream.setHandlers({
    onData: () => {},
    onDrain: () => {},
    onClose: (cause) => causes.push(cause),
  });
  return { stream, socket, heard, ended: ended.promise, causes };
}

test("SEC3: nothing leaves a held stream before its release, then all does, in order", async () => {
  const { stream, socket, heard, ended } = await connectHeld();
  stream.write([Buffer.from("hel"), Buffer.from("lo ")]);
  stream.write([Buffer.from("world")]);
  stream.end();
  expect([socket.bytesWritten, stream.bufferedBytes()]).toEqual([0, 11]);
  stream.release();
  await ended;
  expect(heard.join("")).toBe("hello world");
});

test("SEC3: a held stream that is broken has told nothing, and says why", async () => {
  const { stream, socket, heard, ended, causes } = await connectHeld();
  stream.write([Buffer.from("a secret")]);
  stream.break(new Error("it is somebody else"));
  stream.write([Buffer.from("another")]);
  stream.release();
  await ended;
  expect([heard, socket.bytesWritten]).toEqual([[], 0]);
  expect(causes).toEqual([new Error("it is somebody else")]);
});

test("a stream within the machine guards its bytes, one that leaves it does not", async () => {
  const { stream } = await connectHeld();
  expect(stream.guardsBytes).toBe(true);
  const seen = (remoteAddress: string, remoteFamily: string) => {
    const socket = Object.defineProperties(new Socket(), {
      remoteAddress: { value: remoteAddress },
      remoteFamily: { value: remoteFamily },
    });
    return new SocketStream(socket).guardsBytes;
  };
  expect(seen("::1", "IPv6")).toBe(true);
  expect(seen("::ffff:127.0.0.1", "IPv6")).toBe(true);
  expect(seen("192.0.2.7", "IPv4")).toBe(false);
  expect(seen("2001:db8::1", "IPv6")).toBe(false);
  expect(seen("::ffff:192.0.2.7", "IPv6")).toBe(false);
});
