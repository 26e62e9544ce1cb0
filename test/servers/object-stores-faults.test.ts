import { createHash, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { createNodeClock, createNodeRandom } from "@millrace/platform";
import {
  createRetryingObjectStore,
  createS3ObjectStore,
  type ObjectStore,
  type S3StoreOptions,
} from "@millrace/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startTcpProxy } from "../chaos/proxy/tcp-proxy.ts";
import { startS3, type S3Server } from "./s3.ts";

const clock = createNodeClock();
const random = createNodeRandom();
const mib = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let server: S3Server;
beforeAll(async () => {
  server = await startS3();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function openStore(over: Partial<S3StoreOptions> = {}): ObjectStore {
  const { accessKeyId, bucket, endpoint, region, secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  return createS3ObjectStore({ clock, bucket, endpoint, region, credentials, ...over });
}

/** Returns the names of uploads in parts that were begun and neither completed nor given up. */
async function uploadsLeft(prefix: string): Promise<readonly string[]> {
  const { accessKeyId, bucket, endpoint, region, secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  try {
    const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix });
    const { Uploads: uploads = [] } = await client.send(command);
    return uploads.map(({ Key: key = "?" }) => key);
  } finally {
    client.destroy();
  }
}

/** Returns a way to the server on which a large object takes seconds. */
async function startSlowLink(): Promise<AsyncDisposable & { readonly endpoint: string }> {
  const proxy = await startTcpProxy(new URL(server.endpoint).host);
  proxy.setLink({ kind: "slow", bytesPerSecond: 8 * mib });
  return {
    endpoint: `http://${proxy.address}`,
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

/**
 * Returns when parts of the object are on their way. The answer to the upload's begin has come by
 * then: without its id nobody could take the parts away again but the bucket's own rule.
 */
async function untilUploading(prefix: string, name: string): Promise<void> {
  await expect.poll(() => uploadsLeft(prefix), { interval: 5, timeout: 20_000 }).toContain(name);
  await delay(250);
}

describe("objects on a real S3 server", () => {
  test("a large object goes up in parts, and comes back whole and in ranges", async () => {
    await using store = openStore({ prefix: "large" });
    const bytes = randomBytes(50 * mib + 7);
    await store.put("a", [bytes.subarray(0, 11), bytes.subarray(11)]);
    expect(await store.stat("a")).toBe(bytes.length);
    expect(sha256(await store.get("a"))).toBe(sha256(bytes));
    const range = await store.get("a", { offset: 16 * mib - 3, length: 17 });
    expect(Buffer.from(range).equals(bytes.subarray(16 * mib - 3, 16 * mib + 14))).toBe(true);
    expect(await uploadsLeft("large/")).toEqual([]);
  });

  test("a list and a removal of more than a thousand objects are whole", async () => {
    await using store = openStore({ prefix: "many" });
    const names = Array.from({ length: 1_203 }, (_, index) => `a/${index}`);
    await Promise.all(names.map((name) => store.put(name, [Buffer.from(name)])));
    expect((await store.list("a/")).map(({ name }) => name)).toEqual(names.toSorted());
    await store.remove(names.slice(1));
    expect((await store.list("")).map(({ name }) => name)).toEqual(["a/0"]);
  });

  test("a server that is killed in the middle of long puts loses nothing that it acknowledged", async () => {
    await using slow = await startSlowLink();
    const through = { prefix: "kills", partSizeBytes: 5 * mib, endpoint: slow.endpoint };
    await using store = createRetryingObjectStore(openStore(through), { clock, random });
    const acknowledged = new Map<string, string>();
    const put = async (name: string, bytes: Uint8Array): Promise<void> => {
      await store.put(name, [bytes]);
      acknowledged.set(name, sha256(bytes));
    };
    for (let kill = 0; kill < 3; kill += 1) {
      const before = acknowledged.size;
      const small = Array.from({ length: 40 }, async (_, index) => {
        await delay(index * 10);
        await put(`small/${kill}/${index}`, randomBytes(20_000));
      });
      await expect
        .poll(() => acknowledged.size, { interval: 5, timeout: 30_000 })
        .toBeGreaterThan(before + 3);
      const all = Promise.all([put(`large/${kill}`, randomBytes(64 * mib)), ...small]);
      await untilUploading("kills/", `kills/large/${kill}`);
      await server.kill();
      expect(acknowledged.has(`large/${kill}`)).toBe(false);
      await delay(200);
      await server.restart();
      await all;
    }
    expect(acknowledged.size).toBe(3 * 41);
    for (const [name, hash] of acknowledged) expect(sha256(await store.get(name))).toBe(hash);
    expect(await uploadsLeft("kills/")).toEqual([]);
    const listed = (await store.list("")).map(({ name }) => name);
    expect(listed).toEqual([...acknowledged.keys()].toSorted());
  });

  test("a put that the kill cut off leaves the whole object or none, and its parts go with the next", async () => {
    await using slow = await startSlowLink();
    const through = { prefix: "cut", partSizeBytes: 5 * mib, endpoint: slow.endpoint };
    await using store = openStore(through);
    const bytes = randomBytes(64 * mib);
    const failure = store.put("a", [bytes]).catch((error: unknown) => error);
    await untilUploading("cut/", "cut/a");
    await server.kill();
    expect(await failure).toMatchObject({ code: "unavailable", retry: "backoff" });
    await server.restart();
    expect(await store.stat("a")).toBeUndefined();
    expect(await store.list("")).toEqual([]);
    await store.put("a", [bytes]);
    expect(sha256(await store.get("a"))).toBe(sha256(bytes));
    expect(await uploadsLeft("cut/")).toEqual([]);
  });

  test("a server that freezes costs a call its deadline; the next try gets through (F12)", async () => {
    const frozen = openStore({ prefix: "frozen", requestTimeoutMs: 500, bodyIdleTimeoutMs: 500 });
    await using store = createRetryingObjectStore(frozen, { clock, random });
    await store.put("a", [Buffer.from("x")]);
    server.pause();
    const startMs = clock.monotonicMs();
    await expect(frozen.get("a")).rejects.toMatchObject({ code: "deadline-exceeded" });
    expect(clock.monotonicMs() - startMs).toBeLessThan(3_000);
    const patient = store.get("a");
    await delay(700);
    server.resume();
    expect(Buffer.from(await patient).toString()).toBe("x");
  });
});

describe("a real S3 server refuses", () => {
  const attempts: readonly (readonly [string, (store: ObjectStore) => Promise<unknown>])[] = [
    ["put", (store) => store.put("a", [Buffer.from("x")])],
    ["put of a large object", (store) => store.put("a", [Buffer.alloc(20 * mib)])],
    ["get", (store) => store.get("a")],
    ["stat", (store) => store.stat("a")],
    ["list", (store) => store.list("")],
    ["remove", (store) => store.remove(["a"])],
  ];

  test.each(attempts)("a %s with the wrong secret: access-denied (F14)", async (_what, attempt) => {
    const credentials = { accessKeyId: server.accessKeyId, secretAccessKey: "canary-secret" };
    await using store = openStore({ credentials });
    const failure = await attempt(store).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "access-denied", retry: "never" });
    expect(String(failure)).not.toContain("canary");
  });

  test.each(attempts)("a %s with an unknown key: access-denied (F14)", async (_what, attempt) => {
    const credentials = { accessKeyId: "nobody", secretAccessKey: server.secretAccessKey };
    await using store = openStore({ credentials });
    await expect(attempt(store)).rejects.toMatchObject({ code: "access-denied", retry: "never" });
  });

  test.each(attempts)(
    "a %s in a bucket that is not there: bucket-not-found",
    async (_what, attempt) => {
      await using store = openStore({ bucket: "no-such-bucket" });
      await expect(attempt(store)).rejects.toMatchObject({
        code: "bucket-not-found",
        retry: "never",
        message: expect.stringContaining("bucket no-such-bucket at http://127.0.0.1:"),
      });
    },
  );

  test("writes when it is read-only: access-denied, while reads go on", async () => {
    expect(server.kind).toBe("versitygw");
    await using store = openStore({ prefix: "read-only" });
    await store.put("a", [Buffer.from("x")]);
    await server.restart({ isReadOnly: true });
    try {
      expect(Buffer.from(await store.get("a")).toString()).toBe("x");
      for (const bytes of [Buffer.from("y"), Buffer.alloc(20 * mib)]) {
        await expect(store.put("b", [bytes])).rejects.toMatchObject({ code: "access-denied" });
      }
      await expect(store.remove(["a"])).rejects.toMatchObject({ code: "access-denied" });
    } finally {
      await server.restart();
    }
  });
});
