import {
  Client,
  connectivityState,
  credentials,
  Metadata,
  status,
  type ServiceError,
} from "@grpc/grpc-js";
import { StreamError, type CallRequest, type ControlNetwork } from "@millrace/core";

import { channelOptions } from "./channel-options.ts";
import { fromServiceError } from "./error-mapping.ts";
import { CoordinatorServiceService } from "./gen/millrace/v1/coordinator.ts";
import { asBuffer, asBytes } from "./grpc-bytes.ts";
import { serveGrpc } from "./grpc-server.ts";
import { GrpcMessageSession } from "./grpc-session.ts";
import { TlsChannelCredentials } from "./tls/channel-credentials.ts";
import type { GrpcNetworkOptions } from "./tls/network-options.ts";
import { explainPlainText } from "./tls/speaks-tls.ts";

/** A channel may stay CONNECTING for ever (grpc-node #2785): so long and no longer. */
const connectTimeoutMs = 5_000;
/** So long a session that was closed waits for the other end before it is cut. */
const finishTimeoutMs = 1_000;

/**
 * Returns the control network over gRPC; messages pass through as the bytes they are. Disposing it
 * closes the sessions that it opened; listeners are the caller's. With TLS, what a handshake fails with
 * is `tls-failed`.
 */
export function createGrpcNetwork(
  options: GrpcNetworkOptions = {},
): ControlNetwork & AsyncDisposable {
  const clients = new Map<string, GrpcClient>();
  const sessions = new Set<GrpcMessageSession>();
  const clientOf = (address: string): GrpcClient => {
    const known = clients.get(address);
    if (known !== undefined) return known;
    const client = createClient(address, options);
    clients.set(address, client);
    return client;
  };
  return {
    serve: (address, service) => serveGrpc(address, service, options),
    openSession(address) {
      const client = createClient(address, options);
      const session = openGrpcSession(address, client, () => sessions.delete(session));
      sessions.add(session);
      return session;
    },
    call: async (address, request) => {
      const token = options.readToken?.(address);
      return makeCall(clientOf(address), request, toMetadata(token));
    },
    [Symbol.asyncDispose]: () => {
      for (const session of sessions) session.close();
      for (const { client } of clients.values()) client.close();
      clients.clear();
      return Promise.resolve();
    },
  };
}

interface GrpcClient {
  readonly client: Client;
  /** Returns what an error of the client means; looks again at the other end if that tells more. */
  readonly explain: (error: Error) => StreamError | Promise<StreamError>;
}

function createClient(address: string, { readTls }: GrpcNetworkOptions): GrpcClient {
  const tls = readTls === undefined ? undefined : new TlsChannelCredentials(address, readTls);
  const client = new Client(address, tls ?? credentials.createInsecure(), channelOptions);
  return {
    client,
    explain: (error) => {
      const explained = fromServiceError(error, address);
      if (!StreamError.is(explained, "unavailable")) return explained;
      if (tls !== undefined) return tls.failure() ?? explained;
      if (!isBrokenInGreeting(error)) return explained;
      return explainPlainText(address).then((better) => better ?? explained);
    },
  };
}

const nobodyThere = /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|Name resolution/;

/** Whether somebody listened there and then did not speak HTTP/2: grpc-js says no more than that. */
function isBrokenInGreeting(error: Error & Partial<ServiceError>): boolean {
  const { code, details = "" } = error;
  const isUnconnected = code === status.UNAVAILABLE && /No connection established/.test(details);
  return isUnconnected && !nobodyThere.test(details);
}

function toMetadata(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/** A client of its own, so that closing the session closes its connection. */
function openGrpcSession(
  address: string,
  { client, explain }: GrpcClient,
  onOver: () => void,
): GrpcMessageSession {
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
    explain,
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

function makeCall(
  { client, explain }: GrpcClient,
  request: CallRequest,
  metadata: Metadata,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/millrace.v1.JobService/${request.method}`,
      asBuffer,
      asBytes,
      request.message,
      metadata,
      { deadline: Date.now() + request.deadlineMs },
      (error, response) => {
        if (error === null) resolve(response ?? new Uint8Array(0));
        else Promise.resolve(explain(error)).then(reject, reject);
      },
    );
  });
}
