import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** A server that says back what it hears, a proxy before it, and a client of the proxy. */
async function startEcho(): Promise<{ readonly proxy: TcpProxy; readonly client: Socket }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const proxy = await startTcpProxy(`127.0.0.1:${address.port}`);
  const client = await connect(proxy);
  onTestFinished(async () => {
    client.destroy();
    await proxy[Symbol.asyncDispose]();
    server.close();
  });
  return { proxy, client };
}

async function connect(proxy: TcpProxy): Promise<Socket> {
  const client = dial(proxy);
  await once(client, "connect");
  return client;
}

function dial(proxy: TcpProxy): Socket {
  const port = Number(proxy.address.split(":").at(-1));
  const client = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true });
  client.on("error", () => undefined);
  return client;
}

/** Returns when the socket is closed, in whatever way. */
function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once("close", () => resolve("closed")));
}

/** Returns how long the answer to a word takes, in milliseconds. */
async function say(client: Socket, word: string): Promise<number> {
  const startedMs = performance.now();
  client.write(word);
  let answer = "";
  while (answer.length < word.length) {
    const [bytes]: unknown[] = await once(client, "data");
    answer += String(bytes);
  }
  expect(answer).toBe(word);
  return performance.now() - startedMs;
}

test("an open link carries megabytes in order, and the end", async () => {
  const { client } = await startEcho();
  const sent = Buffer.alloc(8 * 1024 * 1024);
  for (let index = 0; index < sent.length; index += 1) sent[index] = index % 251;
  const received: Uint8Array[] = [];
  client.on("data", (bytes: Uint8Array) => received.push(bytes));
  client.end(sent);
  await once(client, "end");
  expect(Buffer.concat(received).equals(sent)).toBe(true);
});

test("a cut link breaks the open connection and the next one, and is whole again afterwards", async () => {
  const { proxy, client } = await startEcho();
  await say(client, "before");
  const closed = untilClosed(client);
  proxy.setLink({ kind: "cut" });
  await closed;
  await untilClosed(dial(proxy));
  expect(proxy.connectionCount()).toBe(0);
  proxy.setLink({ kind: "open" });
  const again = await connect(proxy);
  await say(again, "after");
  again.destroy();
});

test("a black hole says nothing, keeps the connection, and loses nothing", async () => {
  const { proxy, client } = await startEcho();
  await say(client, "before");
  proxy.setLink({ kind: "black-hole" });
  client.write("held");
  const first = await Promise.race([
    once(client, "data").then(() => "answered"),
    untilClosed(client),
    new Promise((resolve) => setTimeout(resolve, 200, "silent")),
  ]);
  expect(first).toBe("silent");
  const answered = once(client, "data");
  proxy.setLink({ kind: "open" });
  const [bytes]: unknown[] = await answered;
  expect(String(bytes)).toBe("held");
});

test("latency is added in both directions", async () => {
  const { proxy, client } = await startEcho();
  await say(client, "before");
  proxy.setLink({ kind: "slow", latencyMs: 60 });
  expect(await say(client, "late")).toBeGreaterThanOrEqual(115);
  proxy.setLink({ kind: "open" });
  expect(await say(client, "in time")).toBeLessThan(100);
});

test("a bandwidth limit stretches what passes", async () => {
  const { proxy, client } = await startEcho();
  proxy.setLink({ kind: "slow", bytesPerSecond: 100_000 });
  expect(await say(client, "x".repeat(20_000))).toBeGreaterThanOrEqual(190);
});

test("a target that is not there ends the connection", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  await using proxy = await startTcpProxy(`127.0.0.1:${address.port}`);
  expect(await untilClosed(dial(proxy))).toBe("closed");
});
