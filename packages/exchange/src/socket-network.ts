import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  StreamError,
  tlsFailed,
  type Listener,
  type OwnedTlsMaterial,
  type StreamNetwork,
} from "@millrace/core";

import { SocketStream } from "./socket-stream.ts";
import { createTlsSocketServer, openTlsSocket } from "./tls-sockets.ts";

/** The kernel's limit for a unix socket's path, with its final zero. */
const maxPathBytes = 107;

export interface SocketNetworkOptions {
  /**
   * Present: TLS 1.3 wherever a socket leaves the machine, and both ends show workers' certificates.
   * Asked for each connection, so that renewed certificates count at once.
   */
  readonly readTls?: () => OwnedTlsMaterial;
  /** Told of each connection that was refused in its handshake: for the log. */
  readonly onRefused?: (error: StreamError) => void;
}

/**
 * Returns byte streams over sockets. Addresses are `unix:<path>`, and `tls:<host>:<port>` with
 * certificates or else `tcp:<host>:<port>`; a unix socket lies in a folder of its own that only this
 * user may enter, under the system's temporary folder or, when that path is too long, under `/tmp`.
 */
export function createSocketNetwork(options: SocketNetworkOptions = {}): StreamNetwork {
  const { readTls, onRefused = () => {} } = options;
  return {
    listenStreams(hint, onStream) {
      const accept = (socket: Socket): void => onStream(new SocketStream(socket));
      if (hint.kind === "unix") return listenUnix(createServer(accept));
      if (readTls === undefined) return listenTcp(createServer(accept), "tcp", hint.host);
      const server = createTlsSocketServer(readTls, { onSocket: accept, onRefused });
      return listenTcp(server, "tls", hint.host);
    },
    openStream: (address) => openStream(address, readTls?.()),
  };
}

function openStream(address: string, tls: OwnedTlsMaterial | undefined): SocketStream {
  if (address.startsWith("unix:")) {
    return new SocketStream(createConnection({ path: address.slice(5) }));
  }
  const [, kind, host = "", port] = /^(tcp|tls):(.+):(\d+)$/.exec(address) ?? [];
  if (kind === undefined) {
    throw new StreamError("invalid-argument", `${address} is no data address`, {
      domain: "internal",
      retry: "never",
    });
  }
  if ((kind === "tls") !== (tls !== undefined)) {
    const has = kind === "tls" ? "this worker has no certificate" : "it speaks no TLS";
    throw tlsFailed(`the worker at ${address} is not connected to: ${has}; give all workers one`);
  }
  const target = { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  return tls === undefined
    ? new SocketStream(createConnection(target))
    : openTlsSocket(target, { address, material: tls });
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

async function listenTcp(server: Server, kind: "tcp" | "tls", host: string): Promise<Listener> {
  await listening(server, () => server.listen(0, host));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return toListener(server, `${kind}:${host}:${port}`, () => {});
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
