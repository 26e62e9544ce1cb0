import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  StreamError,
  type ByteStream,
  type ByteStreamHandlers,
  type Listener,
  type StreamNetwork,
} from "@millrace/core";

/** The kernel's limit for a unix socket's path, with its final zero. */
const maxPathBytes = 107;
const keepAliveMs = 5_000;

/**
 * Returns byte streams over sockets. Addresses are `unix:<path>` and `tcp:<host>:<port>`; a unix
 * socket lies in a folder of its own that only this user may enter, under the system's temporary
 * folder or, when that path is too long, under `/tmp`.
 */
export function createSocketNetwork(): StreamNetwork {
  return {
    listenStreams(hint, onStream) {
      const server = createServer((socket) => onStream(new SocketStream(socket)));
      return hint.kind === "unix" ? listenUnix(server) : listenTcp(server, hint.host);
    },
    openStream: (address) => new SocketStream(connect(address)),
  };
}

async function listenUnix(server: Server): Promise<Listener> {
  const folder = makePrivateFolder();
  const path = join(folder, "s");
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await listening(server, () => server.listen(path));
  } catch (error) {
    removeFolder();
    throw error;
  }
  return toListener(server, `unix:${path}`, removeFolder);
}

async function listenTcp(server: Server, host: string): Promise<Listener> {
  await listening(server, () => server.listen(0, host));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return toListener(server, `tcp:${host}:${port}`, () => {});
}

function makePrivateFolder(): string {
  for (const parent of [tmpdir(), "/tmp"]) {
    if (Buffer.byteLength(join(parent, "millrace-XXXXXX", "s")) > maxPathBytes) continue;
    const folder = mkdtempSync(join(parent, "millrace-"));
    chmodSync(folder, 0o700);
    return folder;
  }
  const message = "no temporary folder has a path short enough for a unix socket: set TMPDIR";
  throw new StreamError("folder-not-writable", message, { domain: "external", retry: "never" });
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(toListenError(error)));
    server.once("listening", () => {
      server.removeAllListeners("error");
      // A failed accept (too many open files) is the connecting side's failure.
      server.on("error", () => {});
      resolve();
    });
    listen();
  });
}

function toListenError(cause: NodeJS.ErrnoException): StreamError {
  const code = cause.code === "EADDRINUSE" ? "port-in-use" : "unavailable";
  const message = `cannot listen for records: ${cause.message}`;
  return new StreamError(code, message, { domain: "external", retry: "never", cause });
}

function toListener(server: Server, address: string, release: () => void): Listener {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    address,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      release();
    },
  };
}

function connect(address: string): Socket {
  if (address.startsWith("unix:")) return createConnection({ path: address.slice(5) });
  const match = /^tcp:(.+):(\d+)$/.exec(address);
  const [, host, port] = match ?? [];
  if (host === undefined || port === undefined) {
    throw new StreamError("invalid-argument", `${address} is no data address`, {
      domain: "internal",
      retry: "never",
    });
  }
  return createConnection({ host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) });
}

/** A socket as a byte stream; what happens before the handlers are set is held by the socket. */
class SocketStream implements ByteStream {
  readonly #socket: Socket;
  #cause: Error | undefined;
  #isOver = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.on("error", (error) => {
      this.#cause = error;
    });
  }

  get peer(): string {
    const { remoteAddress, remotePort } = this.#socket;
    return remoteAddress === undefined ? "unix socket" : `${remoteAddress}:${remotePort}`;
  }

  setHandlers(handlers: ByteStreamHandlers): void {
    const socket = this.#socket;
    const close = (): void => {
      if (this.#isOver) return;
      this.#isOver = true;
      handlers.onClose(this.#cause);
    };
    socket.on("data", (chunk) => {
      if (!this.#isOver) handlers.onData(toBytes(chunk));
    });
    socket.on("drain", () => {
      if (!this.#isOver) handlers.onDrain();
    });
    socket.on("end", close);
    socket.on("close", close);
    // An error before the handlers were set.
    if (socket.destroyed) queueMicrotask(close);
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.cork();
    for (const chunk of chunks) socket.write(chunk);
    socket.uncork();
  }

  bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }
}

function toBytes(chunk: string | Buffer): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
