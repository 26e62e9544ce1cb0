import type { Socket } from "node:net";
import { createServer, type Server as TlsServer, type TLSSocket } from "node:tls";

import type { Server } from "@grpc/grpc-js";
import { ServerCredentials } from "@grpc/grpc-js";
import {
  explainHandshake,
  judgeCertificate,
  readShownCertificate,
  tlsFailed,
  type Caller,
  type StreamError,
  type TlsMaterial,
} from "@millrace/core";

const handshakeTimeoutMs = 10_000;

type Identified = Pick<Caller, "identity" | "identityProblem">;

export interface TlsListener extends AsyncDisposable {
  readonly port: number;
  /** Returns what the connection from `host:port` has shown. */
  identify(peer: string): Identified;
}

export interface TlsListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly readTls: () => TlsMaterial;
  readonly onRefused: (error: StreamError) => void;
}

/**
 * Accepts TLS 1.3 connections for a gRPC server. grpc-js itself either demands certificates of all or
 * asks for none, and tells nobody what was wrong with one; so the handshake is ours, and a certificate
 * is asked for but not demanded: a person's command brings a token, only a worker needs one.
 *
 * I1 A connection whose certificate is refused counts as one without a certificate, with the reason.
 * I2 A connection that is not over its handshake reaches no service.
 */
export async function listenTls(server: Server, options: TlsListenerOptions): Promise<TlsListener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const identified = new Map<string, Identified>();
  const sockets = new Set<Socket>();
  let material = options.readTls();
  const tls = createServer({
    ...toContext(material),
    ALPNProtocols: ["h2"],
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: true,
    // Judged below: a refusal here closes the connection without a word to the other end.
    rejectUnauthorized: false,
  });
  // Before the server's own listener, so that this very connection sees a renewed certificate.
  tls.prependListener("connection", () => {
    const latest = options.readTls();
    if (latest === material) return;
    material = latest;
    tls.setSecureContext(toContext(latest));
  });
  // Those under the TLS: also what never finishes its handshake has to end with the listener.
  tls.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const peer = peerOf(socket);
    socket.destroy();
    // Who hangs up, a probe or one that believes somebody else, knows why itself.
    if (error.code !== "ECONNRESET") options.onRefused(toRefusal(error, peer));
  });
  tls.on("secureConnection", (socket) => {
    const peer = peerOf(socket);
    identified.set(peer, identify(socket, peer, material));
    socket.once("close", () => identified.delete(peer));
    // Its session hears of errors too; without a listener one would end the process.
    socket.on("error", () => {});
    injector.injectConnection(socket);
  });
  await listen(tls, options);
  const bound = tls.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : options.port,
    identify: (peer) => identified.get(peer) ?? { identityProblem: "its connection is gone" },
    [Symbol.asyncDispose]: () => {
      return new Promise((resolve) => {
        tls.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
    },
  };
}

function toContext({ authority: ca, own }: TlsMaterial) {
  if (own === undefined) throw tlsFailed("a server needs a certificate: --tls-cert and --tls-key");
  return { ca, cert: own.certificate, key: own.privateKey, minVersion: "TLSv1.3" } as const;
}

function identify(socket: TLSSocket, peer: string, { own }: TlsMaterial): Identified {
  const demand = own === undefined ? {} : { clusterName: own.identity.clusterName };
  const about = { holder: `the peer at ${peer}`, nowMs: Date.now() };
  const judgement = judgeCertificate(readShownCertificate(socket, about), demand);
  return judgement.kind === "accepted"
    ? { identity: judgement.identity }
    : { identityProblem: judgement.error.message };
}

function peerOf({ remoteAddress, remotePort }: TLSSocket): string {
  return `${remoteAddress}:${remotePort}`;
}

function toRefusal(error: Error, peer: string): StreamError {
  const holder = `the peer at ${peer}`;
  return explainHandshake(error, holder) ?? tlsFailed(`${holder}: ${error.message}`, error);
}

function listen(server: TlsServer, { host, port }: TlsListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host.replace(/^\[(.*)\]$/, "$1"), () => {
      server.off("error", reject);
      // A failed accept (too many open files) is the connecting side's failure.
      server.on("error", () => {});
      resolve();
    });
  });
}
