import { Client, connectivityState, credentials, Metadata } from "@grpc/grpc-js";
import { StreamError, type CallRequest, type ControlNetwork } from "@millrace/core";

import { channelOptions } from "./channel-options.ts";
import { fromServiceError } from "./error-mapping.ts";
import { CoordinatorServiceService } from "./gen/millrace/v1/coordinator.ts";
import { asBuffer, asBytes } from "./grpc-bytes.ts";
import { serveGrpc } from "./grpc-server.ts";
import { GrpcMessageSession } from "./grpc-session.ts";

/** A channel may stay CONNECTING for ever (grpc-node #2785): so long and no longer. */
const connectTimeoutMs = 5_000;
/** So long a session that was closed waits for the other end before it is cut. */
const finishTimeoutMs = 1_000;

/**
 * Returns the control network over gRPC; messages pass through as the bytes they are. Disposing it
 * closes the sessions that it opened; listeners are the caller's.
 */
export function createGrpcNetwork(): ControlNetwork & AsyncDisposable {
  const clients = new Map<string, Client>();
  const sessions = new Set<GrpcMessageSession>();
  const clientOf = (address: string): Client => {
    const known = clients.get(address);
    if (known !== undefined) return known;
    const client = createClient(address);
    clients.set(address, client);
    return client;
  };
  return {
    serve: (address, service) => serveGrpc(address, service),
    openSession(address) {
      const session = openGrpcSession(address, () => sessions.delete(session));
      sessions.add(session);
      return session;
    },
    call: (address, request) => makeCall(clientOf(address), address, request),
    [Symbol.asyncDispose]: () => {
      for (const session of sessions) session.close();
      for (const client of clients.values()) client.close();
      clients.clear();
      return Promise.resolve();
    },
  };
}

function createClient(address: string): Client {
  return new Client(address, credentials.createInsecure(), channelOptions);
}

/** A client of its own, so that closing the session closes its connection. */
function openGrpcSession(address: string, onOver: () => void): GrpcMessageSession {
  const client = createClient(address);
  const { path } = CoordinatorServiceService.session;
  const call = client.makeBidiStreamRequest<Uint8Array, Uint8Array>(path, asBuffer, asBytes);
  const timers: NodeJS.Timeout[] = [];
  let isFree = false;
  const free = (): void => {
    isFree = true;
    for (const timer of timers) clearTimeout(timer);
    client.close();
    onOver();
  };
  const cut = (): void => {
    call.cancel();
    free();
  };
  const session = new GrpcMessageSession(address, call, {
    finish() {
      call.end();
      if (!isFree) timers.push(setTimeout(cut, finishTimeoutMs));
    },
    abort: cut,
    explain: (error) => fromServiceError(error, address),
  });
  call.on("status", free);
  // Not waitForReady: its timer outlives the client.
  const checkReady = (): void => {
    const isReady = client.getChannel().getConnectivityState(false) === connectivityState.READY;
    if (!isReady) session.break(nobodyAnswers(address));
  };
  timers.push(setTimeout(checkReady, connectTimeoutMs));
  return session;
}

function nobodyAnswers(address: string): StreamError {
  const message = `nobody answers at ${address} within ${connectTimeoutMs} ms`;
  return new StreamError("unavailable", message, { domain: "external", retry: "backoff" });
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
