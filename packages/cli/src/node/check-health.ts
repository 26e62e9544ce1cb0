import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { assert, StreamError } from "@millrace/core";
import { service } from "grpc-health-check";

import { healthServices } from "./serve-health.ts";

export interface HealthQuestion {
  readonly port: number;
  /** Whether the process answers, or whether it can do its work as well. */
  readonly kind: keyof typeof healthServices;
  readonly timeoutMs: number;
}

/** Returns when the process behind the port says SERVING; throws `unavailable` otherwise. */
export async function checkHealth({ port, kind, timeoutMs }: HealthQuestion): Promise<void> {
  const address = `127.0.0.1:${port}`;
  const client = new Client(address, credentials.createInsecure());
  try {
    const status = await askStatus(client, healthServices[kind], Date.now() + timeoutMs);
    if (status === "SERVING") return;
    throw failure(`the process at ${address} answers ${status}: it is up and cannot work yet`);
  } finally {
    client.close();
  }

  function askStatus(from: Client, name: string, deadline: number): Promise<string> {
    const method = service["Check"];
    assert(method !== undefined, "grpc-health-check has no method Check");
    return new Promise((resolve, reject) => {
      from.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        { service: name },
        new Metadata(),
        { deadline },
        (error, answer) => {
          if (error === null) resolve(statusIn(answer));
          else reject(failure(`nobody answers at ${address} (${error.details})`, error));
        },
      );
    });
  }
}

function statusIn(answer: unknown): string {
  const isObject = typeof answer === "object" && answer !== null;
  return isObject && "status" in answer ? String(answer.status) : "UNKNOWN";
}

function failure(message: string, cause?: unknown): StreamError {
  return new StreamError("unavailable", message, { domain: "external", retry: "backoff", cause });
}
