import { Server, ServerCredentials } from "@grpc/grpc-js";
import { StreamError } from "@millrace/core";
import { HealthImplementation } from "grpc-health-check";

/** Names in the health service: all of it, and whether the process answers at all. */
export const healthServices = { ready: "", live: "live" } as const;

/** How old an answer may be: what `isServing` said so long ago. */
const refreshMs = 250;

/**
 * Serves the standard gRPC health service on the loopback interface and returns what ends it; nothing
 * without a port. The service "" is SERVING while `isServing` says so, the service "live" as long as this
 * thread answers. Without TLS and tokens: it listens on 127.0.0.1 only and tells nothing else (SEC1).
 * Throws `port-in-use`, `unavailable`.
 */
export async function serveHealth(
  port: number | undefined,
  isServing: () => boolean,
): Promise<AsyncDisposable> {
  if (port === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const health = new HealthImplementation({ [healthServices.live]: "SERVING" });
  const refresh = (): void =>
    health.setStatus(healthServices.ready, isServing() ? "SERVING" : "NOT_SERVING");
  refresh();
  const server = new Server({ "grpc.max_receive_message_length": 4_096 });
  health.addToServer(server);
  await bind(server, `127.0.0.1:${port}`);
  const timer = setInterval(refresh, refreshMs);
  timer.unref();
  return {
    [Symbol.asyncDispose]: () => {
      clearInterval(timer);
      // Not tryShutdown: a watcher would hold the end of the process.
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

function bind(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause) => {
      if (cause === null) {
        resolve();
        return;
      }
      const message = `the health endpoint ${address} cannot be opened (${cause.message})`;
      const code = cause.message.includes("EADDRINUSE") ? "port-in-use" : "unavailable";
      reject(new StreamError(code, message, { domain: "user", retry: "never", cause }));
    });
  });
}
