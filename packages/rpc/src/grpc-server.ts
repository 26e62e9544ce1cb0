import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { StreamError, type ControlService, type Listener } from "@millrace/core";

import { channelOptions } from "./channel-options.ts";
import { toServiceError } from "./error-mapping.ts";
import { CoordinatorServiceService } from "./gen/millrace/v1/coordinator.ts";
import { JobServiceService } from "./gen/millrace/v1/job.ts";
import { GrpcMessageSession } from "./grpc-session.ts";

/** Waits so long for calls under way before it cuts them. */
const shutdownMs = 500;

/** Returns a gRPC server of both services at `host:port`; throws `port-in-use`. */
export async function serveGrpc(address: string, service: ControlService): Promise<Listener> {
  const server = new Server(channelOptions);
  server.addService(passBytes(CoordinatorServiceService), {
    session: (call: ServerDuplexStream<Uint8Array, Uint8Array>) => {
      const session = new GrpcMessageSession(call.getPeer(), call, () => call.end());
      service.onSession(session);
    },
  });
  server.addService(passBytes(JobServiceService), callHandlers(service));
  const port = await bind(server, address);
  const host = address.slice(0, address.lastIndexOf(":"));
  return { address: `${host}:${port}`, [Symbol.asyncDispose]: () => shutDown(server) };
}

/** The generated definition with bytes in place of messages: encoding happens above the port. */
function passBytes(definition: ServiceDefinition): ServiceDefinition {
  const same = (message: Buffer): Buffer => message;
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => [
      name,
      {
        ...method,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: toBuffer,
        responseDeserialize: same,
      },
    ]),
  );
}

function toBuffer(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

type UnaryHandler = (
  call: ServerUnaryCall<Uint8Array, Uint8Array>,
  respond: sendUnaryData<Uint8Array>,
) => void;

function callHandlers(service: ControlService): Record<string, UnaryHandler> {
  return Object.fromEntries(
    Object.entries(JobServiceService).map(([name, { path }]) => {
      const method = path.slice(path.lastIndexOf("/") + 1);
      const handle: UnaryHandler = (call, respond) => {
        answer(service, method, call.request).then(
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
  request: Uint8Array,
): Promise<Uint8Array> {
  return service.onCall(method, request);
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(toBindError(address, error));
    });
  });
}

function toBindError(address: string, cause: Error): StreamError {
  const isTaken = /EADDRINUSE/.test(cause.message);
  const message = isTaken
    ? `address ${address} is in use: stop the process that has it, or choose another one`
    : `address ${address} cannot be bound: ${cause.message}`;
  const code = isTaken ? "port-in-use" : "invalid-argument";
  return new StreamError(code, message, { domain: "user", retry: "never", cause });
}

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
