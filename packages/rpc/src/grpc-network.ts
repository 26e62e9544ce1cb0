import { Client, credentials, Metadata, type ClientDuplexStream } from "@grpc/grpc-js";
import {
  StreamError,
  type CallRequest,
  type ControlNetwork,
  type MessageSession,
} from "@millrace/core";

import { channelOptions } from "./channel-options.ts";
import { fromServiceError } from "./error-mapping.ts";
import { serveGrpc } from "./grpc-server.ts";
import { GrpcMessageSession } from "./grpc-session.ts";

/** A channel may stay CONNECTING for ever (grpc-node #2785): so long and no longer. */
const connectTimeoutMs = 5_000;

/** Returns the control network over gRPC; messages pass through as the bytes they are. */
export function createGrpcNetwork(): ControlNetwork & AsyncDisposable {
  const clients = new Map<string, Client>();
  const clientOf = (address: string): Client => {
    const known = clients.get(address);
    if (known !== undefined) return known;
    const client = createClient(address);
    clients.set(address, client);
    return client;
  };
  return {
    serve: (address, service) => serveGrpc(address, service),
    openSession: (address) => openGrpcSession(address),
    call: (address, request) => makeCall(clientOf(address), address, request),
    [Symbol.asyncDispose]: () => {
      for (const client of clients.values()) client.close();
      clients.clear();
      return Promise.resolve();
    },
  };
}

function createClient(address: string): Client {
  return new Client(address, credentials.createInsecure(), channelOptions);
}

const asBuffer = (message: Uint8Array): Buffer =>
  Buffer.from(message.buffer, message.byteOffset, message.byteLength);
const asBytes = (message: Buffer): Uint8Array => message;

/** A client of its own, so that closing the session closes its connection. */
function openGrpcSession(address: string): MessageSession {
  const client = createClient(address);
  const call: ClientDuplexStream<Uint8Array, Uint8Array> = client.makeBidiStreamRequest(
    "/millrace.v1.CoordinatorService/Session",
    asBuffer,
    asBytes,
  );
  const session = new GrpcMessageSession(address, call, () => {
    call.cancel();
    client.close();
  });
  client.waitForReady(Date.now() + connectTimeoutMs, (error) => {
    if (error === undefined) return;
    session.break(
      new StreamError("unavailable", `nobody answers at ${address}`, {
        domain: "external",
        retry: "backoff",
        cause: error,
      }),
    );
  });
  return session;
}

function makeCall(client: Client, address: string, request: CallRequest): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/millrace.v1.JobService/${request.method}`,
      asBuffer,
      asBytes,
      request.message,
      new Metadata(),
      { deadline: Date.now() + request.deadlineMs },
      (error, response) => {
        if (error !== null) reject(fromServiceError(error, address));
        else resolve(response ?? new Uint8Array(0));
      },
    );
  });
}
