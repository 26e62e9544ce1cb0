import { expect, test } from "vitest";

import { isEqualInConstantTime } from "./constant-time.ts";
import { explainHandshake, judgeCertificate } from "./judge-certificate.ts";
import { findPeerIdentity, formatPeerIdentity, makePeerIdentity } from "./peer-identity.ts";

test("SEC3: an identity is found among a certificate's names", () => {
  const identity = makePeerIdentity("mill-1", "worker", "w-7");
  const uri = formatPeerIdentity(identity);
  expect(uri).toBe("millrace://mill-1/worker/w-7");
  expect(findPeerIdentity(`DNS:localhost, URI:${uri}, IP Address:127.0.0.1`)).toEqual(identity);
  expect(() => makePeerIdentity("a/b", "worker", "w")).toThrow("not a DNS label");
});

test.each([
  ["none", undefined],
  ["another scheme", "URI:spiffe://mill-1/worker/w"],
  ["an unknown role", "URI:millrace://mill-1/admin/w"],
  ["a part too much", "URI:millrace://mill-1/worker/w/x"],
  ["two of them", "URI:millrace://a/worker/w, URI:millrace://b/worker/w"],
  ["a name that is no label", "URI:millrace://a/worker/W%2e"],
  // What Node prints for one DNS name with a separator in it (CVE-2021-44532).
  ["one inside another name", 'DNS:"x, URI:millrace://a/worker/w, DNS:y"'],
  ["a DNS name that looks like it", "DNS:millrace://a/worker/w"],
])("SEC3: a certificate with %s has no identity", (_what, names) => {
  expect(findPeerIdentity(names)).toBeUndefined();
});

test("SEC2: equal texts are equal, and a difference anywhere counts", () => {
  expect(isEqualInConstantTime("", "")).toBe(true);
  expect(isEqualInConstantTime("abc", "abc")).toBe(true);
  for (const other of ["", "ab", "abcd", "xbc", "axc", "abx", "abc\0"]) {
    expect([other, isEqualInConstantTime("abc", other)]).toEqual([other, false]);
    expect([other, isEqualInConstantTime(other, "abc")]).toEqual([other, false]);
  }
});

const certificate = {
  alternativeNames: "URI:millrace://a/worker/w",
  subject: "CN=w",
  issuer: "CN=Other",
  validFrom: "yesterday",
  validTo: "tomorrow",
};
const demand = { clusterName: "a", role: "worker" } as const;
const holder = "the worker at w:1";

test("SEC3: a certificate of this cluster and role is accepted", () => {
  expect(judgeCertificate({ holder, certificate }, demand)).toEqual({
    kind: "accepted",
    identity: { clusterName: "a", role: "worker", name: "w" },
  });
});

test.each([
  ["none", { holder }, demand, /w:1 shows no certificate: give it/],
  ["expired", { holder, certificate, chainProblem: "CERT_HAS_EXPIRED" }, demand, /at tomorrow: /],
  ["early", { holder, certificate, chainProblem: "CERT_NOT_YET_VALID" }, demand, /from yesterday/],
  [
    "another authority's",
    { holder, certificate, chainProblem: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" },
    demand,
    /issued by CN=Other, which is not the authority .*--tls-ca/,
  ],
  ["odd", { holder, certificate, chainProblem: "INVALID_CA" }, demand, /refused \(INVALID_CA\)/],
  ["another cluster's", { holder, certificate }, { ...demand, clusterName: "b" }, /this is b: /],
  ["another role's", { holder, certificate }, { ...demand, role: "coordinator" }, /is needed here/],
  ["another host's", { holder, certificate, hostProblem: "only DNS:x" }, demand, /only DNS:x; /],
] as const)(
  "SEC3: a certificate that is %s is refused in a sentence",
  (_what, shown, need, text) => {
    const judgement = judgeCertificate(shown, need);
    expect(judgement).toMatchObject({ kind: "refused", error: { code: "tls-failed" } });
    expect(judgement.kind === "refused" && judgement.error.message).toMatch(text);
  },
);

test("a handshake's failure is TLS's or is left to the caller", () => {
  const plain = { code: "ERR_SSL_WRONG_VERSION_NUMBER", message: "wrong version number" };
  expect(explainHandshake(plain, holder)?.message).toContain("w:1 does not speak TLS: start it");
  const other = { code: "ERR_SSL_NO_SHARED_CIPHER", message: "no shared cipher" };
  expect(explainHandshake(other, holder)?.message).toContain("(no shared cipher)");
  expect(explainHandshake({ code: "ECONNREFUSED", message: "" }, holder)).toBeUndefined();
});
