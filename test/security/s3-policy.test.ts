import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "../e2e/job-modules.ts";
import { runMillrace } from "../e2e/run-millrace.ts";
import { provideS3Program } from "../servers/s3-program.ts";
import { findPorts, ServerProcess } from "../servers/server-process.ts";
import { freePort, startProcess } from "./process-kit.ts";

const run = promisify(execFile);
const { kind, program } = await provideS3Program();
const isWithoutPolicies = kind !== "versitygw";
const reason = "S3Proxy knows neither users nor policies";
const region = "us-east-1";
const bucket = "millrace-policy";
const root = { accessKeyId: "root", secretAccessKey: "root-test-secret" };
const worker = { accessKeyId: "worker", secretAccessKey: "worker-test-secret" };

let folder = "";
let endpoint = "";
let server: ServerProcess | undefined;
let modules: JobModules | undefined;

beforeAll(async () => {
  if (isWithoutPolicies) return;
  modules = await JobModules.create();
  folder = await mkdtemp(join(tmpdir(), "millrace-policy-"));
  for (const name of ["data", "sidecar", "iam"]) await mkdir(join(folder, name));
  const [port = 0] = await findPorts(1);
  endpoint = `http://127.0.0.1:${port}`;
  const iam = ["--iam-dir", join(folder, "iam")];
  const posix = ["posix", "--sidecar", join(folder, "sidecar"), join(folder, "data")];
  server = new ServerProcess({
    program,
    args: ["--port", `127.0.0.1:${port}`, "--quiet", ...iam, ...posix],
    environment: { ROOT_ACCESS_KEY: root.accessKeyId, ROOT_SECRET_KEY: root.secretAccessKey },
    isReady: async () => (await fetch(endpoint)).status > 0,
  });
  await server.start();
  const admin = ["admin", "-a", root.accessKeyId, "-s", root.secretAccessKey, "--er", endpoint];
  const user = ["--access", worker.accessKeyId, "--secret", worker.secretAccessKey];
  await run(program, [...admin, "create-user", ...user, "--role", "user"]);
  const client = clientOf(root);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: workerPolicy("prod/") }));
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: "other/secret", Body: "x" }));
}, 120_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await modules?.[Symbol.asyncDispose]();
  if (folder !== "") await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** What deploy/SECURITY.md says that a worker needs, and nothing besides. */
function workerPolicy(prefix: string): string {
  const Principal = { AWS: [worker.accessKeyId] };
  const objects = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"];
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal,
        Action: objects,
        Resource: `arn:aws:s3:::${bucket}/${prefix}*`,
      },
      { Effect: "Allow", Principal, Action: ["s3:ListBucket"], Resource: `arn:aws:s3:::${bucket}` },
    ],
  });
}

function clientOf(credentials: typeof root): S3Client {
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 2 });
}

function environmentOf({ accessKeyId, secretAccessKey }: typeof root) {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

test("SEC4: a job runs with a worker that may neither delete nor leave its prefix", async ({
  skip,
}) => {
  skip(isWithoutPolicies, reason);
  const address = `127.0.0.1:${await freePort()}`;
  const objects = [
    "--objects",
    `s3://${bucket}/prod?endpoint=${endpoint}&region=${region}&pathStyle=true`,
  ];
  const data = (name: string): readonly string[] => ["--data", join(folder, name), ...objects];
  await using coordinator = await startProcess(
    ["coordinator", "--bind", address, ...data("c")],
    environmentOf(root),
  );
  expect(coordinator.ready).toBeDefined();
  await using started = await startProcess(
    ["worker", "--coordinator", address, "--id", "w", ...data("w")],
    environmentOf(worker),
  );
  expect(started.ready).toBeDefined();
  const path = await modules?.add(
    "least-privilege.ts",
    `export default defineJob("least-privilege", (job) => {
      job.source("letters", elements(["a", "b"])).keyBy((letter) => letter).count("counts").print();
    });`,
  );
  if (path === undefined) return;
  const flags = ["--coordinator", address, "--parallelism", "1"];
  const { exitCode, stderr } = await runMillrace("run", path, ...flags);
  expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/checkpoint \d+ completed/)]);
  const listed = await clientOf(worker).send(new ListObjectsV2Command({ Bucket: bucket }));
  const keys = (listed.Contents ?? []).map(({ Key = "" }) => Key);
  expect(keys.some((key) => key.startsWith("prod/bundles/"))).toBe(true);
}, 120_000);

test("SEC4: with the worker's credentials nobody deletes, or reaches another prefix", async ({
  skip,
}) => {
  skip(isWithoutPolicies, reason);
  const client = clientOf(worker);
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: "prod/x", Body: "x" }));
  const denied = { $metadata: { httpStatusCode: 403 } };
  const remove = new DeleteObjectCommand({ Bucket: bucket, Key: "prod/x" });
  await expect(client.send(remove)).rejects.toMatchObject(denied);
  const read = new GetObjectCommand({ Bucket: bucket, Key: "other/secret" });
  await expect(client.send(read)).rejects.toMatchObject(denied);
  const write = new PutObjectCommand({ Bucket: bucket, Key: "other/y", Body: "y" });
  await expect(client.send(write)).rejects.toMatchObject(denied);
});
