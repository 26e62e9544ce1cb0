import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";

/** What the proxy changes in what passes. */
export interface HttpFault {
  /** Answers writes (PUT, POST, DELETE) by itself instead of passing them on. */
  readonly refuseWrites?: { readonly status: number; readonly code: string };
  /** Moves the `Date` of answers. */
  readonly clockOffsetMs?: number;
}

export interface HttpFaultProxy extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`. */
  readonly endpoint: string;
}

/**
 * Returns an HTTP proxy on loopback before a real server, which is wrong in one way. Requests keep
 * their `Host`, by which they are signed.
 */
export async function startHttpFaultProxy(
  target: string,
  fault: HttpFault,
): Promise<HttpFaultProxy> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, answer) => {
    const isWrite = ["PUT", "POST", "DELETE"].includes(incoming.method ?? "");
    if (isWrite && fault.refuseWrites !== undefined) {
      refuse(incoming, answer, fault.refuseWrites);
      return;
    }
    const { method, url, headers } = incoming;
    const passed = request(
      { hostname, port, method, path: url, headers, agent: false },
      (response) => {
        const date = response.headers.date ?? new Date().toUTCString();
        const shown = new Date(Date.parse(date) + (fault.clockOffsetMs ?? 0)).toUTCString();
        answer.writeHead(response.statusCode ?? 502, { ...response.headers, date: shown });
        response.pipe(answer);
      },
    );
    passed.on("error", () => answer.destroy());
    incoming.pipe(passed);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function refuse(
  incoming: IncomingMessage,
  answer: ServerResponse,
  { status, code }: { readonly status: number; readonly code: string },
): void {
  incoming.resume();
  incoming.on("end", () => {
    answer.writeHead(status, { "content-type": "application/xml" });
    answer.end(
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
    );
  });
}
