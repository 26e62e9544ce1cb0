import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { crc32 } from "node:zlib";

import { describe, expect, test } from "vitest";

import { createRetryingObjectStore } from "./retrying-store.ts";
import { createS3ObjectStore } from "./s3-store.ts";
import { shortBody, shortRequest, startFakeS3 } from "./test-kit/fake-s3.ts";

const content = Buffer.from("the bytes of an object");
const right = `${crc32(content).toString(16).padStart(8, "0")}-${content.length}`;
const random = { uint32: () => 2 ** 31 };

describe("reading from S3", () => {
  test("a body that stalls ends at the idle deadline, and its connection with it (F12)", async () => {
    await using fake = await startFakeS3((_request, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("some");
    });
    await using store = createS3ObjectStore({ ...fake.options, ...shortBody });
    await expect(store.get("a")).rejects.toMatchObject({
      code: "deadline-exceeded",
      retry: "backoff",
      message: expect.stringContaining("stalled for 200 ms"),
    });
    await expect.poll(() => fake.openSockets()).toBe(0);
  });

  test("a body that drips for ever ends at the total deadline (F12)", async () => {
    await using fake = await startFakeS3(async (_request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      while (!response.destroyed) {
        response.write(".");
        await delay(50);
      }
    });
    await using store = createS3ObjectStore({ ...fake.options, ...shortBody });
    await expect(store.get("a")).rejects.toMatchObject({
      code: "deadline-exceeded",
      message: expect.stringContaining("body"),
    });
  });

  test("headers that never come end at the request's deadline (F12)", async () => {
    await using fake = await startFakeS3(() => {});
    await using store = createS3ObjectStore({ ...fake.options, ...shortRequest });
    const calls = [store.get("a"), store.stat("a"), store.list(""), store.remove(["a"])];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ reason: { code: "deadline-exceeded", retry: "backoff" } });
    }
  });

  test("a body that is cut off is unavailable, and read whole at the next try (F13)", async () => {
    await using fake = await startFakeS3((_request, response, requestNumber) => {
      response.writeHead(200, {
        "content-length": content.length,
        "x-amz-meta-millrace-crc32": right,
      });
      if (requestNumber > 1) response.end(content);
      else response.write(content.subarray(0, 7), () => response.destroy());
    });
    await using store = createS3ObjectStore(fake.options);
    await expect(store.get("a")).rejects.toMatchObject({ code: "unavailable", retry: "backoff" });
    expect(Buffer.from(await store.get("a")).equals(content)).toBe(true);
  });

  test.each([
    ["a changed byte", Buffer.from("the bytes of an Object")],
    ["an object that was stored short", content.subarray(0, 9)],
    ["another object", randomBytes(content.length)],
    ["nothing", Buffer.alloc(0)],
  ])(
    "%s is object-corrupt: length and CRC-32 stand beside the object (F13)",
    async (_what, bytes) => {
      await using fake = await startFakeS3((_request, response) => {
        response.writeHead(200, {
          "content-length": bytes.length,
          "x-amz-meta-millrace-crc32": right,
        });
        response.end(bytes);
      });
      const store = createS3ObjectStore(fake.options);
      await using patient = createRetryingObjectStore(store, { ...fake.options, random });
      await expect(patient.get("a")).rejects.toMatchObject({
        code: "object-corrupt",
        retry: "never",
        message: expect.stringContaining("object a is damaged"),
      });
      expect(fake.seen).toHaveLength(3);
    },
  );

  test("the range that was asked for is read, also from a server that knows none", async () => {
    await using fake = await startFakeS3((request, response) => {
      if (request.key === "whole") {
        response.writeHead(200, { "content-length": content.length }).end(content);
        return;
      }
      const start = request.key === "shifted" ? 3 : 4;
      response.writeHead(206, { "content-range": `bytes ${start}-8/${content.length}` });
      response.end(content.subarray(start, 9));
    });
    await using store = createS3ObjectStore(fake.options);
    const range = { offset: 4, length: 5 };
    expect(Buffer.from(await store.get("part", range)).toString()).toBe("bytes");
    expect(Buffer.from(await store.get("whole", range)).toString()).toBe("bytes");
    await expect(store.get("shifted", range)).rejects.toMatchObject({ code: "object-corrupt" });
    expect(fake.seen[0]?.headers.range).toBe("bytes=4-8");
  });
});
