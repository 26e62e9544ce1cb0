import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";

import { provideS3Program, type S3Program, type S3ServerKind } from "./s3-program.ts";
import { findPorts, ServerProcess, type ServerCommand } from "./server-process.ts";

/** A real S3 server on 127.0.0.1 with one empty bucket; its data are gone with it. */
export interface S3Server extends AsyncDisposable {
  readonly kind: S3ServerKind;
  /** Such as `http://127.0.0.1:40123`; the same after a restart. */
  readonly endpoint: string;
  readonly port: number;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** kill -9; what it has stored stays. */
  kill(): Promise<void>;
  /**
   * Starts it again on the same port and data, after a kill if it runs.
   * @param mode whether it then takes no writes; versitygw only.
   */
  restart(mode?: { readonly isReadOnly: boolean }): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
}

const credentials = { accessKeyId: "millrace", secretAccessKey: "millrace-test-secret" };
const bucket = "millrace-test";
const region = "us-east-1";

/**
 * Returns a running S3 server.
 * @param chosen absent: what `provideS3Program` finds or installs.
 */
export async function startS3(chosen?: S3Program): Promise<S3Server> {
  const program = chosen ?? (await provideS3Program());
  const folder = await mkdtemp(join(tmpdir(), "millrace-s3-"));
  const [port = 0] = await findPorts(1);
  const endpoint = `http://127.0.0.1:${port}`;
  const command = await describeServer(program, { folder, port });
  let server = new ServerProcess(command);
  const dispose = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await server.start();
    await makeBucket(endpoint);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    kind: program.kind,
    endpoint,
    port,
    bucket,
    region,
    ...credentials,
    kill: () => server.kill(),
    async restart({ isReadOnly } = { isReadOnly: false }) {
      await server.kill();
      const args = isReadOnly ? ["--readonly", ...command.args] : command.args;
      server = new ServerProcess({ ...command, args });
      await server.start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    [Symbol.asyncDispose]: dispose,
  };
}

interface Place {
  readonly folder: string;
  readonly port: number;
}

async function describeServer(
  { kind, program }: S3Program,
  { folder, port }: Place,
): Promise<ServerCommand> {
  const [data, sidecar] = [join(folder, "data"), join(folder, "sidecar")];
  await mkdir(data);
  await mkdir(sidecar);
  const { accessKeyId, secretAccessKey } = credentials;
  const address = `127.0.0.1:${port}`;
  const isReady = (): Promise<boolean> => isAnswering(`http://${address}`);
  switch (kind) {
    case "versitygw":
      return {
        program,
        args: ["--port", address, "--quiet", "posix", "--sidecar", sidecar, data],
        environment: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
        isReady,
      };
    case "minio":
      return {
        program,
        args: ["server", "--quiet", "--address", address, data],
        environment: { MINIO_ROOT_USER: accessKeyId, MINIO_ROOT_PASSWORD: secretAccessKey },
        isReady,
      };
    case "s3proxy":
      return {
        program,
        args: ["--properties", await writeS3proxyProperties({ folder, port }, data)],
        isReady,
      };
  }
}

async function writeS3proxyProperties({ folder, port }: Place, data: string): Promise<string> {
  const file = join(folder, "s3proxy.properties");
  const lines = [
    `s3proxy.endpoint=http://127.0.0.1:${port}`,
    "s3proxy.authorization=aws-v2-or-v4",
    `s3proxy.identity=${credentials.accessKeyId}`,
    `s3proxy.credential=${credentials.secretAccessKey}`,
    "jclouds.provider=filesystem-nio2",
    `jclouds.filesystem.basedir=${data}`,
    "jclouds.identity=unused",
    "jclouds.credential=unused",
  ];
  await writeFile(file, lines.join("\n"));
  return file;
}

/** Any answer will do, also a refusal. */
async function isAnswering(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return true;
}

/** A server may answer before its disk is ready. */
async function makeBucket(endpoint: string): Promise<void> {
  const client = new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 10,
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } finally {
    client.destroy();
  }
}
