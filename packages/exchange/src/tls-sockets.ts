import type { Socket } from "node:net";
import { connect, createServer, type Server as TlsServer, type TLSSocket } from "node:tls";

import {
  explainHandshake,
  judgeCertificate,
  readShownCertificate,
  tlsFailed,
  type OwnedTlsMaterial,
  type StreamError,
} from "@millrace/core";

import { SocketStream } from "./socket-stream.ts";

const handshakeTimeoutMs = 10_000;

interface TlsServerHandlers {
  /** The other end has shown a certificate of a worker of this cluster. */
  readonly onSocket: (socket: TLSSocket) => void;
  readonly onRefused: (error: StreamError) => void;
}

/** Returns a server that lets workers of the cluster in and nobody else; it does not listen yet. */
export function createTlsSocketServer(
  readTls: () => OwnedTlsMaterial,
  { onSocket, onRefused }: TlsServerHandlers,
): TlsServer {
  let material = readTls();
  const server = createServer({
    ...toContext(material),
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: true,
    // Judged right below: Node's own refusal tells nobody which certificate it was.
    rejectUnauthorized: false,
  });
  // Before the server's own listener, so that this very connection sees a renewed certificate.
  server.prependListener("connection", () => {
    const latest = readTls();
    if (latest === material) return;
    material = latest;
    server.setSecureContext(toContext(latest));
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const holder = holderOf(socket);
    socket.destroy();
    // Who hangs up, a probe or one that believes somebody else, knows why itself.
    if (error.code === "ECONNRESET") return;
    onRefused(explainHandshake(error, holder) ?? tlsFailed(`${holder}: ${error.message}`, error));
  });
  server.on("secureConnection", (socket) => {
    const refusal = judge(socket, holderOf(socket), material);
    if (refusal === undefined) {
      onSocket(socket);
      return;
    }
    socket.on("error", () => {});
    socket.destroy();
    onRefused(refusal);
  });
  return server;
}

interface TlsTarget {
  readonly address: string;
  readonly material: OwnedTlsMaterial;
}

/** Opens a stream to a worker; nothing leaves before its certificate is judged. */
export function openTlsSocket(
  target: { readonly host: string; readonly port: number },
  { address, material }: TlsTarget,
): SocketStream {
  const holder = `the worker at ${address}`;
  const socket = connect({
    ...target,
    ...toContext(material),
    // Judged in `secureConnect`: workers are known by their role, their hosts come and go.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  const stream = new SocketStream(socket, { isHeld: true });
  socket.once("secureConnect", () => {
    const refusal = judge(socket, holder, material);
    if (refusal === undefined) stream.release();
    else stream.break(refusal);
  });
  socket.once("error", (error: NodeJS.ErrnoException) => {
    const explained = explainHandshake(error, holder);
    if (explained !== undefined) stream.break(explained);
  });
  return stream;
}

function toContext({ authority, own }: OwnedTlsMaterial) {
  return {
    ca: authority,
    cert: own.certificate,
    key: own.privateKey,
    minVersion: "TLSv1.3",
  } as const;
}

/** Returns why the other end is not a worker of this cluster, or undefined. */
function judge(
  socket: TLSSocket,
  holder: string,
  { own }: OwnedTlsMaterial,
): StreamError | undefined {
  const { clusterName } = own.identity;
  const shown = readShownCertificate(socket, { holder, nowMs: Date.now() });
  const judgement = judgeCertificate(shown, { clusterName, role: "worker" });
  return judgement.kind === "refused" ? judgement.error : undefined;
}

function holderOf({ remoteAddress, remotePort }: Socket): string {
  return `the peer at ${remoteAddress}:${remotePort}`;
}
