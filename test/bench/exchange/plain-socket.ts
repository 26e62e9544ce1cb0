import { once } from "node:events";
import { rmSync } from "node:fs";
import { createConnection, createServer, type NetConnectOpts, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { FlowOptions, ReceivingFlow, SendingFlow } from "./flow.ts";

const headerBytes = 4;
/** What a sender may have under way before it waits: so that it is never the wait that is measured. */
const writableHighWaterMark = 2 * 1024 * 1024;

/** Returns a sender of frames that are a length and the same bytes each time. */
export function openPlainSender(address: string, { frameBytes }: FlowOptions): SendingFlow {
  const [, port] = /^tcp:(\d+)$/.exec(address) ?? [];
  const target: NetConnectOpts =
    port === undefined ? { path: address } : { host: "127.0.0.1", port: Number(port) };
  const socket = createConnection(Object.assign(target, { writableHighWaterMark }));
  socket.setNoDelay(true);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(frameBytes);
  const payload = Buffer.alloc(frameBytes, "a");
  return {
    async send(sizeBytes) {
      for (let sent = 0; sent < sizeBytes; sent += frameBytes) {
        socket.cork();
        socket.write(header);
        const hasRoom = socket.write(payload);
        socket.uncork();
        if (!hasRoom) await once(socket, "drain");
      }
    },
    [Symbol.asyncDispose]: () => {
      socket.destroy();
      return Promise.resolve();
    },
  };
}

/** Returns a receiver that puts frames together and drops them. */
export async function listenPlain({ transport }: FlowOptions): Promise<ReceivingFlow> {
  let receivedBytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    const push = createFramer((frame) => {
      receivedBytes += frame.length;
    });
    socket.on("data", (chunk: Buffer) => push(chunk));
  });
  const path = join(tmpdir(), `millrace-bench-${process.pid}`);
  rmSync(path, { force: true });
  if (transport === "unix") server.listen(path);
  else server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const address = typeof bound === "object" && bound !== null ? `tcp:${bound.port}` : path;
  return {
    address,
    receivedBytes: () => receivedBytes,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      return Promise.resolve();
    },
  };
}

function createFramer(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(headerBytes);
  let headerLength = 0;
  let frame: Buffer | undefined;
  let frameLength = 0;
  return (chunk) => {
    let offset = 0;
    while (offset < chunk.length) {
      if (frame === undefined) {
        const part = chunk.copy(header, headerLength, offset);
        headerLength += part;
        offset += part;
        if (headerLength < headerBytes) return;
        frame = Buffer.allocUnsafe(header.readUInt32LE(0));
        frameLength = 0;
      }
      const part = chunk.copy(frame, frameLength, offset);
      frameLength += part;
      offset += part;
      if (frameLength < frame.length) return;
      headerLength = 0;
      const whole = frame;
      frame = undefined;
      onFrame(whole);
    }
  };
}
