import { describe, expect, test } from "vitest";

import { parseObjectStoreUrl } from "./object-store-url.ts";

describe("an object store URL", () => {
  test.each([
    ["file:/data/objects", "/data/objects"],
    ["file:///data/objects", "/data/objects"],
    ["file:objects", "objects"],
    ["file:../with space", "../with space"],
  ])("%s is a folder", (text, path) => {
    expect(parseObjectStoreUrl(text)).toEqual({ kind: "file", path });
  });

  test("a bucket alone leaves everything else to the AWS defaults", () => {
    expect(parseObjectStoreUrl("s3://my-bucket")).toEqual({
      kind: "s3",
      place: { bucket: "my-bucket" },
    });
    expect(parseObjectStoreUrl("s3://my-bucket/")).toEqual(parseObjectStoreUrl("s3://my-bucket"));
  });

  test("prefix, endpoint, region and path style are taken from it", () => {
    const url = "s3://b.1/clusters/one/?endpoint=http://127.0.0.1:7070&region=eu-1&pathStyle=false";
    expect(parseObjectStoreUrl(url)).toEqual({
      kind: "s3",
      place: {
        bucket: "b.1",
        prefix: "clusters/one",
        endpoint: "http://127.0.0.1:7070",
        region: "eu-1",
        isPathStyle: false,
      },
    });
  });

  test("an encoded endpoint is the same endpoint", () => {
    const url = "s3://bucket?endpoint=http%3A%2F%2F%5B%3A%3A1%5D%3A9000%2F";
    expect(parseObjectStoreUrl(url)).toMatchObject({ place: { endpoint: "http://[::1]:9000" } });
  });

  test.each([
    ["", "file:<folder> or s3://<bucket>"],
    ["/data", "file:<folder> or s3://<bucket>"],
    ["gs://bucket", "file:<folder> or s3://<bucket>"],
    ["file:", "names no folder"],
    ["file://host/data", "names a host"],
    ["s3://", "cannot name a bucket"],
    ["s3://ab", "cannot name a bucket"],
    ["s3://Bucket", "cannot name a bucket"],
    ["s3://bucket:9000/a", "cannot name a bucket"],
    ["s3://bucket/a//b", "cannot be a prefix"],
    ["s3://bucket/../a", "cannot be a prefix"],
    ["s3://bucket/a b", "cannot be a prefix"],
    ["s3://bucket#a", "cannot name a bucket"],
    ["s3://bucket?endpont=http://h", '"endpont" is no parameter'],
    ["s3://bucket?region=a&region=b", "region twice"],
    ["s3://bucket?region=EU_1", "cannot name a region"],
    ["s3://bucket?pathStyle=yes", "true or false"],
    ["s3://bucket?endpoint=127.0.0.1:9000", "http://host:port"],
    ["s3://bucket?endpoint=ftp://h", "http://host:port"],
    ["s3://bucket?endpoint=http://h/path", "must end behind its port"],
  ])("%j is refused and says why", (text, reason) => {
    expect(() => parseObjectStoreUrl(text)).toThrow(
      expect.objectContaining({
        code: "invalid-argument",
        domain: "user",
        message: expect.stringContaining(reason),
      }),
    );
  });

  test.each(["s3://AKIA:topsecret@bucket/a", "s3://bucket?endpoint=http://AKIA:topsecret@h:1"])(
    "credentials in it are refused and not repeated (SEC11): %s",
    (text) => {
      expect(() => parseObjectStoreUrl(text)).toThrow(/must hold no credentials/);
      expect(() => parseObjectStoreUrl(text)).not.toThrow(/topsecret|AKIA/);
    },
  );
});
