import { expect, test } from "vitest";

import { parseMetadataUrl } from "./metadata-url.ts";

test.each([
  ["sqlite:a/b.sqlite", { kind: "sqlite", path: "a/b.sqlite" }],
  ["sqlite:///a/b.sqlite", { kind: "sqlite", path: "/a/b.sqlite" }],
  ["etcd://a:2379", { kind: "etcd", endpoints: ["a:2379"], isTls: false, root: "" }],
  [
    "etcds://a:2379,[::1]:2379/team/prod/",
    { kind: "etcd", endpoints: ["a:2379", "[::1]:2379"], isTls: true, root: "team/prod/" },
  ],
])("%s is a metadata store", (text, url) => {
  expect(parseMetadataUrl(text)).toEqual(url);
});

test.each([
  ["", "sqlite:<file>"],
  ["redis://a:1", "etcd://host:port"],
  ["etcd://a", '"a" is no host:port'],
  ["etcd://a:1,,b:2", '"" is no host:port'],
  ["etcd://a:99999", "no host:port"],
  ["etcd://user:secret@a:1", "MILLRACE_ETCD_USERNAME"],
  ["sqlite:", "sqlite:<file>"],
])("%s is refused, with the form that it should have", (text, part) => {
  const refusal = { code: "invalid-argument", message: expect.stringContaining(part) };
  expect(() => parseMetadataUrl(text)).toThrow(expect.objectContaining(refusal));
});

test("a password in the URL is not repeated in the error", () => {
  expect(() => parseMetadataUrl("etcd://user:secret@a:1")).not.toThrow(/secret/);
});
