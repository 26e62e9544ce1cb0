import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import type { Clock } from "@millrace/core";

import type { S3StoreOptions } from "../s3-options.ts";

/** One request as the SDK sent it. */
export interface SeenRequest {
  readonly method: string;
  /** Behind the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** What a test lets the server do with a request; the number counts from 1. */
export type Behaviour = (
  request: SeenRequest,
  response: ServerResponse,
  requestNumber: number,
) => void | Promise<void>;

/** A server on 127.0.0.1 that is as faulty as a test wants it; it knows nothing of S3. */
export interface FakeS3 extends AsyncDisposable {
  readonly endpoint: string;
  readonly seen: readonly SeenRequest[];
  /** Connections that are open now. */
  openSockets(): number;
  /** The most that were open at once. */
  mostSockets(): number;
  /** Options of a store in it. */
  readonly options: S3StoreOptions;
}

export async function startFakeS3(behave: Behaviour): Promise<FakeS3> {
  const seen: SeenRequest[] = [];
  let [open, most] = [0, 0];
  const server = createServer((request, response) => {
    const serve = async (): Promise<void> => {
      const url = new URL(request.url ?? "/", "http://fake");
      const chunks: Buffer[] = [];
      for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
      const key = url.pathname.replace(/^\/bucket\/?/, "");
      const { method = "", headers } = request;
      const one = { method, key, query: url.searchParams, headers, body: Buffer.concat(chunks) };
      seen.push(one);
      await behave(one, response, seen.length);
    };
    serve().catch(() => response.destroy());
  });
  server.on("connection", (socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.once("close", () => {
      open -= 1;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    seen,
    openSockets: () => open,
    mostSockets: () => most,
    options: {
      clock: createRealClock(),
      bucket: "bucket",
      endpoint,
      credentials,
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const credentials = { accessKeyId: "AKIDCANARY", secretAccessKey: "secret-canary" };
/** For answers that never come; on a busy machine other requests need more. */
export const shortRequest: { readonly requestTimeoutMs: number } = { requestTimeoutMs: 500 };
/** For bodies that never end. */
export const shortBody: { readonly bodyIdleTimeoutMs: number; readonly bodyTimeoutMs: number } = {
  bodyIdleTimeoutMs: 200,
  bodyTimeoutMs: 600,
};

/** Returns this machine's clock; the platform's adapter is on the same level and out of reach. */
export function createRealClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    schedule(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
}

/** Answers as S3 does when it refuses. */
export function refuse(response: ServerResponse, status: number, code: string): void {
  const text = `<Error><Code>${code}</Code><Message>${code}: signed with AKIDCANARY</Message></Error>`;
  response.writeHead(status, { "content-type": "application/xml" }).end(text);
}

/** Answers with XML. */
export function answer(response: ServerResponse, xml: string): void {
  response.writeHead(200, { "content-type": "application/xml" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>${xml}`);
}
