import { inspect } from "node:util";

import { StreamError } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { createS3ObjectStore } from "./s3-store.ts";
import { createRealClock, refuse, startFakeS3 } from "./test-kit/fake-s3.ts";

const refusals: readonly (readonly [number, string, string, "never" | "backoff", string])[] = [
  [403, "SignatureDoesNotMatch", "access-denied", "never", "refused the credentials"],
  [403, "InvalidAccessKeyId", "access-denied", "never", "refused the credentials"],
  [404, "XAdminUserNotFound", "access-denied", "never", "refused the credentials"],
  [400, "ExpiredToken", "access-denied", "never", "fresh ones"],
  [403, "AccessDenied", "access-denied", "never", "right to list, get, put and delete"],
  [403, "RequestTimeTooSkewed", "access-denied", "never", "clocks differ"],
  [405, "MethodNotAllowed", "access-denied", "never", "read-only"],
  [404, "NoSuchBucket", "bucket-not-found", "never", "make it or correct its name"],
  [301, "PermanentRedirect", "bucket-not-found", "never", "another region"],
  [400, "AuthorizationHeaderMalformed", "bucket-not-found", "never", "another region"],
  [507, "XMinioStorageFull", "out-of-space", "never", "free space"],
  [507, "", "out-of-space", "never", "free space"],
  [403, "QuotaExceeded", "out-of-space", "never", "raise the quota"],
  [503, "SlowDown", "unavailable", "backoff", "fewer requests"],
  [429, "TooManyRequests", "unavailable", "backoff", "fewer requests"],
  [500, "InternalError", "unavailable", "backoff", "server's log"],
  [502, "", "unavailable", "backoff", "server's log"],
  [400, "RequestTimeout", "unavailable", "backoff", "too long"],
  [400, "BadDigest", "object-corrupt", "backoff", "other bytes"],
  [404, "", "unavailable", "backoff", "what stands before it"],
  [501, "NotImplemented", "unavailable", "never", "does not know this call"],
  [400, "InvalidRequest", "unavailable", "never", "refused the request"],
];

async function failureOf(call: Promise<unknown>): Promise<StreamError> {
  const caught = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (caught instanceof StreamError) return caught;
  throw new Error(`expected a StreamError, not ${inspect(caught)}`);
}

describe("what S3 refuses", () => {
  test.each(refusals)("%i %s is %s, retry %s: %s", async (...refusal) => {
    const [status, code, expected, retry, says] = refusal;
    await using fake = await startFakeS3((_request, response) => refuse(response, status, code));
    await using store = createS3ObjectStore(fake.options);
    const failures = await Promise.all([
      failureOf(store.put("jobs/a/1", [Buffer.from("x")])),
      failureOf(store.get("jobs/a/1")),
      failureOf(store.list("jobs/")),
      failureOf(store.remove(["a"])),
    ]);
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: expected, retry, domain: "external" });
      expect(failure.message).toContain(says);
      expect(failure.message).toContain(`bucket bucket at ${fake.endpoint}`);
    }
    // Tries again are the retrying store's alone.
    expect(fake.seen).toHaveLength(4);
  });

  test("neither message nor cause repeat what was signed or with what (SEC11)", async () => {
    await using fake = await startFakeS3((_request, response) => {
      response.writeHead(403, { "content-type": "application/xml" });
      response.end(
        `<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message>
        <AWSAccessKeyId>AKIDCANARY</AWSAccessKeyId><StringToSign>secret-canary</StringToSign></Error>`,
      );
    });
    await using store = createS3ObjectStore(fake.options);
    const failure = await failureOf(store.put("a", [Buffer.from("x")]));
    expect(failure.code).toBe("access-denied");
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toMatch(/canary/i);
  });

  test("an answer that is not S3 is unavailable: it may be a proxy's page", async () => {
    await using fake = await startFakeS3((_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html>Log in <b>here</html>");
    });
    await using store = createS3ObjectStore(fake.options);
    expect(await failureOf(store.list(""))).toMatchObject({ code: "unavailable" });
  });

  test("a proxy's 404 does not say that an object is missing: that would end the job (S7)", async () => {
    await using fake = await startFakeS3((_request, response) => {
      response.writeHead(404, { "content-type": "text/html" }).end("<html>no such page</html>");
    });
    await using store = createS3ObjectStore(fake.options);
    expect(await failureOf(store.get("a"))).toMatchObject({ code: "unavailable" });
    expect(await failureOf(store.stat("a"))).toMatchObject({ code: "unavailable" });
  });

  test("a missing object is told from a missing bucket, though a HEAD has no body", async () => {
    await using fake = await startFakeS3((request, response) => {
      if (request.method === "HEAD") response.writeHead(404).end();
      else refuse(response, 404, "NoSuchBucket");
    });
    await using store = createS3ObjectStore(fake.options);
    expect(await failureOf(store.stat("a"))).toMatchObject({ code: "bucket-not-found" });
    expect(await failureOf(store.get("a"))).toMatchObject({ code: "bucket-not-found" });
  });

  test("keys that a batch could not remove are errors, though its answer is 200", async () => {
    const failed: Record<string, string> = {};
    await using fake = await startFakeS3((_request, response) => {
      const errors = Object.entries(failed).map(
        ([key, code]) =>
          `<Error><Key>${key}</Key><Code>${code}</Code><Message>no</Message></Error>`,
      );
      response.writeHead(200, { "content-type": "application/xml" });
      response.end(`<DeleteResult>${errors.join("")}</DeleteResult>`);
    });
    await using store = createS3ObjectStore(fake.options);
    failed["a"] = "NoSuchKey";
    await store.remove(["a", "b"]);
    failed["b"] = "InternalError";
    expect(await failureOf(store.remove(["a", "b"]))).toMatchObject({ code: "unavailable" });
    failed["b"] = "AccessDenied";
    failed["c"] = "AccessDenied";
    const failure = await failureOf(store.remove(["a", "b", "c"]));
    expect(failure).toMatchObject({ code: "access-denied", retry: "never" });
    expect(failure.message).toContain("removal of b and of 1 more");
  });
});

describe("an endpoint of S3 that cannot be used", () => {
  const clock = createRealClock();
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const place = { bucket: "bucket", clock, credentials };

  test.each([
    ["http://127.0.0.1:1", "unavailable", "backoff", "cannot be reached (ECONNREFUSED)"],
    ["http://nowhere.invalid", "unavailable", "backoff", "host name that cannot be found"],
  ])("%s is %s, retry %s: %s", async (endpoint, code, retry, says) => {
    await using store = createS3ObjectStore({ ...place, endpoint });
    const failure = await failureOf(store.get("a"));
    expect(failure).toMatchObject({ code, retry });
    expect(failure.message).toContain(says);
  });

  test("https to a port that speaks plain HTTP is tls-failed", async () => {
    await using fake = await startFakeS3(() => {});
    const endpoint = fake.endpoint.replace("http:", "https:");
    await using store = createS3ObjectStore({ ...place, endpoint });
    const failure = await failureOf(store.get("a"));
    expect(failure).toMatchObject({ code: "tls-failed", retry: "never" });
    expect(failure.message).toContain("http or https in the endpoint");
  });
});
