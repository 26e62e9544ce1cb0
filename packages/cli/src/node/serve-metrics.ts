import { createServer, type Server } from "node:http";

import { StreamError } from "@millrace/core";

/** What an endpoint answers: the text and its type. */
export interface RenderedMetrics {
  readonly contentType: string;
  readonly text: string;
}

/**
 * Serves `/metrics` on the loopback interface and returns what ends it; nothing without a port. Throws
 * `port-in-use`.
 */
export async function serveMetrics(
  port: number | undefined,
  render: () => Promise<RenderedMetrics>,
): Promise<AsyncDisposable> {
  if (port === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const server = createServer((request, response) => {
    if (request.url !== "/metrics") {
      response.writeHead(404).end("only /metrics is here\n");
      return;
    }
    render().then(
      ({ contentType, text }) => response.writeHead(200, { "content-type": contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  });
  await listen(server, port);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const message = `the metrics endpoint 127.0.0.1:${port} cannot be opened (${cause.message})`;
      const code = "code" in cause && cause.code === "EADDRINUSE" ? "port-in-use" : "unavailable";
      reject(new StreamError(code, message, { domain: "user", retry: "never", cause }));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}
