import type * as S3 from "@aws-sdk/client-s3";
import type * as Multipart from "@aws-sdk/lib-storage";

import type { S3Limits, S3StoreOptions } from "./s3-options.ts";

/** The SDK and a client of it. */
export interface S3Connection {
  readonly s3: typeof S3;
  readonly client: S3.S3Client;
  /** Loads the part of the SDK that only large objects need. */
  loadMultipart(): Promise<typeof Multipart>;
}

/** A client that is opened when it is first needed, and closed if it was. */
export interface LazyS3Connection extends AsyncDisposable {
  open(): Promise<S3Connection>;
}

/**
 * Returns a connection that loads the SDK at the first call: it takes about 0.2 s, which a process
 * with a folder never pays.
 */
export function createLazyS3Connection(
  options: S3StoreOptions,
  limits: S3Limits,
): LazyS3Connection {
  let opening: Promise<S3Connection> | undefined;
  return {
    open() {
      opening ??= connect(options, limits);
      return opening;
    },
    async [Symbol.asyncDispose]() {
      const connection = await opening?.catch(() => undefined);
      connection?.client.destroy();
    },
  };
}

async function connect(options: S3StoreOptions, limits: S3Limits): Promise<S3Connection> {
  const [s3, { NodeHttpHandler }, http, https] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("@smithy/node-http-handler"),
    import("node:http"),
    import("node:https"),
  ]);
  const sockets = { keepAlive: true, maxSockets: limits.maxSockets };
  const { credentials, endpoint } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : "us-east-1");
  const client = new s3.S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: options.isPathStyle ?? endpoint !== undefined,
    // Tries are the retrying store's, with one budget for all calls.
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_SUPPORTED",
    // Each object carries its own checksum, also one that went up in parts.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: new NodeHttpHandler({
      httpAgent: new http.Agent(sockets),
      httpsAgent: new https.Agent(sockets),
      connectionTimeout: limits.requestTimeoutMs,
      logger: silent,
    }),
  });
  return { s3, client, loadMultipart: () => import("@aws-sdk/lib-storage") };
}

const ignore = (): void => {};
const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
