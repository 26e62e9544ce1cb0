import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, expect, test, vi } from "vitest";

import { openObjects } from "./open-stores.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Prints what of the SDK is loaded: with a folder open, and after a call to S3. */
const loadScript = `
  import { registerHooks } from "node:module";
  const loaded = new Set();
  registerHooks({
    resolve(specifier, context, next) {
      if (/^@(aws-sdk|smithy)[/]/.test(specifier)) loaded.add(specifier);
      return next(specifier, context);
    },
  });
  const { openObjects } = await import(process.argv[1] + "/open-stores.ts");
  await import(process.argv[1] + "/run-coordinator.ts");
  await import(process.argv[1] + "/run-worker.ts");
  await openObjects(process.argv[2]);
  const before = [...loaded];
  await openObjects("s3://bucket?endpoint=http://127.0.0.1:1");
  console.log(JSON.stringify({ before, after: loaded.size }));
`;

async function makeFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "millrace-open-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("a data folder keeps its objects in a folder of their own", async () => {
  await using folder = await makeFolder();
  await using objects = await openObjects(folder.path);
  await objects.put("a", [Uint8Array.of(1)]);
  expect(await readdir(join(folder.path, "objects"))).toEqual(["a"]);
});

test("a file URL is the folder of the objects itself", async () => {
  await using folder = await makeFolder();
  await using objects = await openObjects(`file:${folder.path}/mine`);
  await objects.put("a", [Uint8Array.of(1)]);
  expect(await readdir(join(folder.path, "mine"))).toEqual(["a"]);
});

test.each(["gs://bucket", "s3://x", "s3://bucket?endpont=http://127.0.0.1:1"])(
  "%s is refused before anything is opened",
  async (place) => {
    await expect(openObjects(place)).rejects.toMatchObject({ code: "invalid-argument" });
  },
);

test("a store on S3 that is away for now does not keep a process from starting (F10)", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "somebody");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  await using objects = await openObjects("s3://bucket?endpoint=http://127.0.0.1:1");
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(objects.get("a", undefined, signal)).rejects.toThrow("enough");
});

test("coordinator and worker load nothing of the AWS SDK unless their objects are on S3", async () => {
  await using folder = await makeFolder();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      "--conditions=@millrace/source",
      "--input-type=module",
      "-e",
      loadScript,
      import.meta.dirname,
      folder.path,
    ],
    { env: { ...process.env, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" } },
  );
  const { before, after } = JSON.parse(stdout);
  expect(before).toEqual([]);
  expect(after).toBeGreaterThan(1);
});
