import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { isIPv6 } from "node:net";

import type { AccessControl, AccessRole } from "@millrace/coordinator";
import { StreamError, type Caller, type OwnedTlsMaterial } from "@millrace/core";

/** What an endpoint answers: the text and its type. */
export interface RenderedMetrics {
  readonly contentType: string;
  readonly text: string;
}

export interface MetricsEndpoint {
  /** Absent: no endpoint; 0 chooses one. */
  readonly port: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Absent: plain text. */
  readonly readTls?: () => OwnedTlsMaterial;
  /** Absent: open. */
  readonly access?: AccessControl;
  /** Told the port once it listens. */
  readonly onListening?: (port: number) => void;
  readonly render: () => Promise<RenderedMetrics>;
}

/** The role that each path needs; what is not here is not served, and needs the same as metrics. */
const pathPolicy: ReadonlyMap<string, AccessRole | "open"> = new Map<string, AccessRole | "open">([
  ["/metrics", "read"],
  ["/healthz", "open"],
]);

/**
 * Serves `/metrics` and `/healthz` and returns what ends it; nothing without a port. Throws
 * `port-in-use`. Paths are compared as they come: nothing is decoded, no file is behind them (SEC6).
 */
export async function serveMetrics(endpoint: MetricsEndpoint): Promise<AsyncDisposable> {
  const { port, host = "127.0.0.1", readTls } = endpoint;
  if (port === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answer(endpoint, request).then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  };
  const server =
    readTls === undefined ? createServer(onRequest) : createTlsEndpoint(readTls, onRequest);
  await listen(server, { port, host });
  const bound = server.address();
  if (typeof bound === "object" && bound !== null) endpoint.onListening?.(bound.port);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function createTlsEndpoint(
  readTls: () => OwnedTlsMaterial,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  // A scraper brings a token and no certificate.
  const toContext = ({ own }: OwnedTlsMaterial) =>
    ({ cert: own.certificate, key: own.privateKey, minVersion: "TLSv1.3" }) as const;
  let material = readTls();
  const server = createTlsServer(toContext(material), onRequest);
  // Before the server's own listener, so that this very connection sees a renewed certificate.
  server.prependListener("connection", () => {
    const latest = readTls();
    if (latest === material) return;
    material = latest;
    server.setSecureContext(toContext(latest));
  });
  return server;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function answer(endpoint: MetricsEndpoint, request: IncomingMessage): Promise<Answer> {
  const [path = ""] = (request.url ?? "").split("?", 1);
  const needed = pathPolicy.get(path) ?? "read";
  const refusal = needed === "open" ? undefined : refuse(endpoint.access, needed, request);
  if (refusal !== undefined) return refusal;
  if (!pathPolicy.has(path)) return text(404, "only /metrics and /healthz are here");
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "only GET is here");
  if (path === "/healthz") return text(200, "ok");
  const { contentType, text: body } = await endpoint.render();
  return { status: 200, headers: { "content-type": contentType }, body };
}

function refuse(
  access: AccessControl | undefined,
  needed: AccessRole,
  request: IncomingMessage,
): Answer | undefined {
  try {
    access?.checkRole(needed, callerOf(request));
    return undefined;
  } catch (caught) {
    const { code, message } = StreamError.from(caught);
    if (code === "permission-denied") return text(403, message);
    return { ...text(401, message), headers: { "www-authenticate": "Bearer" } };
  }
}

function callerOf({ socket, headers }: IncomingMessage): Caller {
  const { remoteAddress: host = "unknown", remotePort } = socket;
  const [, token] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(headers.authorization ?? "") ?? [];
  const who = { peer: `${host}:${remotePort}`, host, isEncrypted: "encrypted" in socket };
  return token === undefined ? who : { ...who, token };
}

function text(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: `${body}\n` };
}

function listen(
  server: Server,
  { port, host }: { readonly port: number; readonly host: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const where = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
      const message = `the metrics endpoint ${where} cannot be opened (${cause.message})`;
      const code = "code" in cause && cause.code === "EADDRINUSE" ? "port-in-use" : "unavailable";
      reject(new StreamError(code, message, { domain: "user", retry: "never", cause }));
    });
    server.listen(port, host, resolve);
  });
}
