import {
  logVerbosity,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  setLogVerbosity,
  type Metadata,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerInterceptor,
  type ServerUnaryCall,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { StreamError, type Caller, type ControlService, type Listener } from "@millrace/core";

import { channelOptions, maxMessageBytes } from "./channel-options.ts";
import { toServiceError } from "./error-mapping.ts";
import { CoordinatorServiceService } from "./gen/millrace/v1/coordinator.ts";
import { JobServiceService } from "./gen/millrace/v1/job.ts";
import { asBuffer, asBytes } from "./grpc-bytes.ts";
import { GrpcMessageSession } from "./grpc-session.ts";
import type { GrpcNetworkOptions } from "./tls/network-options.ts";
import { listenTls, type TlsListener } from "./tls/tls-listener.ts";

/** Waits so long for calls under way before it cuts them. */
const shutdownMs = 500;
const submission = "SubmitJob";

/**
 * Returns a gRPC server of both services at `host:port`; throws `port-in-use`. Disposing it ends
 * its sessions, answers the calls under way if that is soon, and frees the port.
 */
export async function serveGrpc(
  address: string,
  service: ControlService,
  options: GrpcNetworkOptions,
): Promise<Listener> {
  // What it would print (that a port is taken) comes as an error of ours.
  setLogVerbosity(logVerbosity.NONE);
  const sessions = new Set<GrpcMessageSession>();
  let tls: TlsListener | undefined;
  const identify: Identify = ({ peer, metadata }) =>
    callerOf({ peer, metadata }, tls?.identify(peer));
  const server = new Server({
    ...channelOptions,
    interceptors: [admitCalls(service, identify)],
  });
  server.addService(passBytes(CoordinatorServiceService), {
    session: (call: SessionCall) => acceptSession(call, { service, sessions, identify }),
  });
  server.addService(passBytes(JobServiceService), callHandlers(service, identify));
  const host = address.slice(0, address.lastIndexOf(":"));
  const { readTls, onRefused = () => {} } = options;
  if (readTls !== undefined) {
    const port = Number(address.slice(host.length + 1));
    tls = await listenTls(server, { host, port, readTls, onRefused }).catch((error: unknown) => {
      throw error instanceof StreamError ? error : toBindError(address, error);
    });
  }
  const port = tls?.port ?? (await bind(server, address));
  return {
    address: `${host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.break(undefined);
      await shutDown(server);
      await tls?.[Symbol.asyncDispose]();
    },
  };
}

interface ArrivedCall {
  readonly peer: string;
  readonly metadata: Metadata;
}

type Identify = (call: ArrivedCall) => Caller;

function callerOf(
  { peer, metadata }: ArrivedCall,
  identified: Pick<Caller, "identity" | "identityProblem"> | undefined,
): Caller {
  const [authorization] = metadata.get("authorization");
  const [, token] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(String(authorization ?? "")) ?? [];
  return {
    peer,
    host: peer.slice(0, peer.lastIndexOf(":")),
    isEncrypted: identified !== undefined,
    ...identified,
    ...(token === undefined ? {} : { token }),
  };
}

/** The generated definition with bytes in place of messages: encoding happens above the port. */
function passBytes(definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => [
      name,
      {
        ...method,
        requestSerialize: asBuffer,
        requestDeserialize: asBytes,
        responseSerialize: asBuffer,
        responseDeserialize: asBytes,
      },
    ]),
  );
}

type SessionCall = ServerDuplexStream<Uint8Array, Uint8Array>;

/** Refuses calls and sessions by their headers, while their messages are still on the way. */
function admitCalls(service: ControlService, identify: Identify): ServerInterceptor {
  return (method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, goOn) => {
            const refusal = refuse(method.path, { peer: call.getPeer(), metadata });
            if (refusal === undefined) goOn(metadata);
            else call.sendStatus(refusal);
          },
        });
      },
    });

  function refuse(path: string, arrived: ArrivedCall) {
    const isSession = path === CoordinatorServiceService.session.path;
    const what = isSession ? "session" : { method: path.slice(path.lastIndexOf("/") + 1) };
    try {
      service.admit?.(what, identify(arrived));
      return undefined;
    } catch (caught) {
      return toServiceError(caught);
    }
  }
}

function acceptSession(
  call: SessionCall,
  {
    service,
    sessions,
    identify,
  }: {
    readonly service: ControlService;
    readonly sessions: Set<GrpcMessageSession>;
    readonly identify: Identify;
  },
): void {
  const session = new GrpcMessageSession(call.getPeer(), call, {
    finish: () => call.end(),
    // grpc-js answers with the status of an `error` event; the session has a listener for it.
    abort: (cause) => void call.emit("error", toServiceError(cause)),
    explain: (error) => error,
  });
  sessions.add(session);
  call.on("close", () => sessions.delete(session));
  try {
    service.onSession(session, identify(arrival(call)));
  } catch (caught) {
    session.break(caught instanceof Error ? caught : new Error(String(caught)));
  }
}

function arrival(call: Pick<SessionCall, "getPeer" | "metadata">): ArrivedCall {
  return { peer: call.getPeer(), metadata: call.metadata };
}

type UnaryHandler = (
  call: ServerUnaryCall<Uint8Array, Uint8Array>,
  respond: sendUnaryData<Uint8Array>,
) => void;

function callHandlers(service: ControlService, identify: Identify): Record<string, UnaryHandler> {
  return Object.fromEntries(
    Object.entries(JobServiceService).map(([name, { path }]) => {
      const method = path.slice(path.lastIndexOf("/") + 1);
      const handle: UnaryHandler = (call, respond) => {
        answer(service, method, { request: call.request, caller: identify(arrival(call)) }).then(
          (response) => respond(null, response),
          (caught: unknown) => respond(toServiceError(caught)),
        );
      };
      return [name, handle];
    }),
  );
}

/** A handler that throws before its first await is a failed call too. */
async function answer(
  service: ControlService,
  method: string,
  { request, caller }: { readonly request: Uint8Array; readonly caller: Caller },
): Promise<Uint8Array> {
  if (method !== submission && request.length > maxMessageBytes) {
    throw new StreamError(
      "invalid-argument",
      `a request of ${request.length} bytes to ${method} is over ${maxMessageBytes} bytes`,
      { domain: "user", retry: "never" },
    );
  }
  return service.onCall(method, request, caller);
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(toBindError(address, error));
    });
  });
}

function toBindError(address: string, cause: unknown): StreamError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isTaken = /EADDRINUSE/.test(reason);
  const message = isTaken
    ? `address ${address} is in use: stop the process that has it, or choose another one`
    : `address ${address} cannot be bound: ${reason}`;
  const code = isTaken ? "port-in-use" : "invalid-argument";
  return new StreamError(code, message, { domain: "user", retry: "never", cause });
}

/** `tryShutdown` waits for every stream, so it gets a limit. */
function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, shutdownMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
