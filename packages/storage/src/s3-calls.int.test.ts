import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

import { describe, expect, test } from "vitest";

import { createRetryingObjectStore } from "./retrying-store.ts";
import { createS3ObjectStore } from "./s3-store.ts";
import {
  answer,
  refuse,
  shortRequest,
  startFakeS3,
  type FakeS3,
  type SeenRequest,
} from "./test-kit/fake-s3.ts";

const random = { uint32: () => 2 ** 31 };
const mib = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("a put to S3", () => {
  test("carries the CRC-32 of its bytes, for the server and for whoever reads it (F13)", async () => {
    await using fake = await startFakeS3((_request, response) => response.end() && undefined);
    await using store = createS3ObjectStore({ ...fake.options, prefix: "clusters/one" });
    const parts = [randomBytes(1_000), randomBytes(2_000)];
    await store.put("jobs/a/1", parts);
    const whole = Buffer.concat(parts);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(whole));
    const [seen] = fake.seen;
    expect(seen?.key).toBe("clusters/one/jobs/a/1");
    expect(seen?.body.equals(whole)).toBe(true);
    expect(seen?.headers["x-amz-checksum-crc32"]).toBe(crc.toString("base64"));
    expect(seen?.headers["x-amz-meta-millrace-crc32"]).toBe(`${crc.toString("hex")}-3000`);
    expect(seen?.headers["if-none-match"]).toBeUndefined();
  });

  test("that was stored and never answered is sent again with the same bytes (F11)", async () => {
    const stored = new Map<string, string[]>();
    await using fake = await startFakeS3((request, response, requestNumber) => {
      stored.set(request.key, [...(stored.get(request.key) ?? []), sha256(request.body)]);
      if (requestNumber > 1) response.end();
    });
    const store = createS3ObjectStore({ ...fake.options, ...shortRequest });
    await using patient = createRetryingObjectStore(store, { ...fake.options, random });
    const bytes = randomBytes(10_000);
    await patient.put("a", [bytes]);
    expect(stored).toEqual(new Map([["a", [sha256(bytes), sha256(bytes)]]]));
  });

  test("waits out a storm of 500 and 503 within the budget (F10)", async () => {
    let isStorm = true;
    await using fake = await startFakeS3((_request, response, requestNumber) => {
      if (!isStorm) response.end();
      else if (requestNumber % 2 === 0) refuse(response, 503, "SlowDown");
      else refuse(response, 500, "InternalError");
    });
    const store = createS3ObjectStore(fake.options);
    await using patient = createRetryingObjectStore(store, {
      ...fake.options,
      random,
      policy: { initialDelayMs: 1, maxDelayMs: 10 },
      budget: { capacity: 10, perSecond: 20 },
    });
    const startMs = performance.now();
    const puts = Array.from({ length: 30 }, (_, index) => patient.put(`a${index}`, []));
    setTimeout(() => {
      isStorm = false;
    }, 1_000);
    await Promise.all(puts);
    const seconds = (performance.now() - startMs) / 1_000;
    // Without the budget 30 callers that wait 10 ms send thousands.
    expect(fake.seen.length).toBeLessThanOrEqual(30 + 10 + 20 * seconds + 1);
  });

  test("no more sockets are open than allowed; waiting for one costs no deadline (S15)", async () => {
    await using fake = await startFakeS3(async (_request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      response.end();
    });
    await using store = createS3ObjectStore({ ...fake.options, maxSockets: 3 });
    await Promise.all(Array.from({ length: 18 }, (_, index) => store.put(`a${index}`, [])));
    expect(fake.mostSockets()).toBe(3);
  });
});

describe("a put of a large object to S3", () => {
  const bytes = randomBytes(17 * mib);
  const partSizeBytes = 5 * mib;
  const isPart = ({ query }: SeenRequest): boolean => query.has("partNumber");
  const aborts = (seen: readonly SeenRequest[]): number =>
    seen.filter(({ method }) => method === "DELETE").length;

  function serveParts(
    onPart: (request: SeenRequest) => "store" | "refuse" | "hang",
    { isRemoving = () => true }: { readonly isRemoving?: () => boolean } = {},
  ): Promise<FakeS3> {
    return startFakeS3((request, response) => {
      if (request.query.has("uploads")) {
        answer(
          response,
          "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
        );
        return;
      }
      if (request.method === "POST") {
        answer(
          response,
          "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
        );
        return;
      }
      if (request.method === "DELETE" && !isRemoving()) {
        refuse(response, 500, "InternalError");
        return;
      }
      const fate = request.method === "PUT" ? onPart(request) : "store";
      if (fate === "store") response.setHeader("etag", '"e"').end();
      if (fate === "refuse") refuse(response, 403, "AccessDenied");
    });
  }

  test("goes up in parts, each with its CRC-32, under one name", async () => {
    await using fake = await serveParts(() => "store");
    await using store = createS3ObjectStore({ ...fake.options, partSizeBytes });
    await store.put("a", [
      bytes.subarray(0, 3),
      bytes.subarray(3, 9 * mib),
      bytes.subarray(9 * mib),
    ]);
    const parts = fake.seen
      .filter(isPart)
      .toSorted((left, right) => partNumber(left) - partNumber(right));
    expect(parts.map(({ body }) => body.length)).toEqual([5, 5, 5, 2].map((size) => size * mib));
    expect(sha256(Buffer.concat(parts.map(({ body }) => body)))).toBe(sha256(bytes));
    for (const { headers } of parts) expect(headers["x-amz-checksum-crc32"]).toBeTypeOf("string");
    const [begun] = fake.seen;
    expect(begun?.headers["x-amz-meta-millrace-crc32"]).toMatch(/^[0-9a-f]{8}-17825792$/);
    expect(aborts(fake.seen)).toBe(0);
  });

  test("of which a part is refused leaves no parts behind", async () => {
    await using fake = await serveParts((request) =>
      partNumber(request) === 2 ? "refuse" : "store",
    );
    await using store = createS3ObjectStore({ ...fake.options, partSizeBytes });
    await expect(store.put("a", [bytes])).rejects.toMatchObject({ code: "access-denied" });
    expect(aborts(fake.seen)).toBe(1);
  });

  test("of which a part is never answered ends at its deadline and leaves no parts (F12)", async () => {
    await using fake = await serveParts((request) =>
      partNumber(request) === 2 ? "hang" : "store",
    );
    await using store = createS3ObjectStore({
      ...fake.options,
      partSizeBytes,
      requestTimeoutMs: 2_000,
      slowestBytesPerMs: 100_000,
    });
    await expect(store.put("a", [bytes])).rejects.toMatchObject({ code: "deadline-exceeded" });
    expect(aborts(fake.seen)).toBe(1);
  });

  test("that its caller gives up ends at once, and leaves no parts when the store is closed", async () => {
    await using fake = await serveParts(() => "hang");
    const store = createS3ObjectStore({ ...fake.options, partSizeBytes, requestTimeoutMs: 30_000 });
    const controller = new AbortController();
    const put = store.put("a", [bytes], controller.signal);
    await expect.poll(() => fake.seen.some(isPart)).toBe(true);
    controller.abort(new Error("enough"));
    await expect(put).rejects.toThrow("enough");
    await store[Symbol.asyncDispose]();
    expect(aborts(fake.seen)).toBe(1);
  });

  test("whose parts cannot be removed fails with its own reason, and they go before the next one", async () => {
    let isAway = true;
    await using fake = await serveParts(() => (isAway ? "refuse" : "store"), {
      isRemoving: () => !isAway,
    });
    await using store = createS3ObjectStore({ ...fake.options, partSizeBytes });
    await expect(store.put("a", [bytes])).rejects.toMatchObject({ code: "access-denied" });
    expect(aborts(fake.seen)).toBe(1);
    isAway = false;
    await store.put("b", [bytes]);
    expect(aborts(fake.seen)).toBe(2);
    await store.put("c", [bytes]);
    expect(aborts(fake.seen)).toBe(2);
  });
});

describe("a list of S3", () => {
  const page = (keys: readonly string[], next?: string): string => {
    const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>3</Size></Contents>`);
    const end =
      next === undefined
        ? "<IsTruncated>false</IsTruncated>"
        : `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`;
    return `<ListBucketResult>${contents.join("")}${end}</ListBucketResult>`;
  };

  test("is read page for page, and sorted whatever the server's order", async () => {
    const pages = [page(["p/b/2", "p/b/10"], "one"), page([], "two"), page(["p/a"])];
    await using fake = await startFakeS3((_request, response, requestNumber) =>
      answer(response, pages[requestNumber - 1] ?? page([])),
    );
    await using store = createS3ObjectStore({ ...fake.options, prefix: "p" });
    expect((await store.list("")).map(({ name }) => name)).toEqual(["a", "b/10", "b/2"]);
    const tokens = fake.seen.map(({ query }) => query.get("continuation-token"));
    expect(tokens).toEqual([null, "one", "two"]);
    expect(fake.seen[0]?.query.get("prefix")).toBe("p/");
  });

  test("whose pages go round in a circle is an error, not an endless loop", async () => {
    await using fake = await startFakeS3((_request, response) =>
      answer(response, page(["a"], "same")),
    );
    await using store = createS3ObjectStore(fake.options);
    await expect(store.list("")).rejects.toMatchObject({ code: "unavailable" });
    expect(fake.seen).toHaveLength(2);
  });
});

test("a removal of many objects is sent a thousand at a time", async () => {
  await using fake = await startFakeS3((_request, response) =>
    answer(response, "<DeleteResult></DeleteResult>"),
  );
  await using store = createS3ObjectStore(fake.options);
  await store.remove(Array.from({ length: 2_500 }, (_, index) => `a/${index}`));
  const sizes = fake.seen.map(({ body }) => body.toString().split("<Key>").length - 1);
  expect(sizes).toEqual([1_000, 1_000, 500]);
  await store.remove([]);
  expect(fake.seen).toHaveLength(3);
});

function partNumber({ query }: SeenRequest): number {
  return Number(query.get("partNumber"));
}
