import { once } from "node:events";
import { createServer, type Server } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { StreamError } from "@millrace/core";
import { createNodeClock } from "@millrace/platform";
import { createS3ObjectStore } from "@millrace/storage";
import { afterEach, expect, test } from "vitest";

import { createAuthority, issueCertificate } from "../security/certificate-authority.ts";

const dayMs = 86_400_000;

const trusted = getCACertificates();
afterEach(() => setDefaultCACertificates(trusted));

interface Certificate {
  /** Days from now. */
  readonly from: number;
  readonly to: number;
  readonly host?: string;
  readonly isTrusted: boolean;
}

async function serveTls({
  from,
  to,
  host = "127.0.0.1",
  isTrusted,
}: Certificate): Promise<AsyncDisposable & { readonly port: number }> {
  const validity = {
    notBefore: new Date(Date.now() + from * dayMs),
    notAfter: new Date(Date.now() + to * dayMs),
  };
  const authority = await createAuthority("s3", validity);
  const { certificate, privateKey } = await issueCertificate({
    authority,
    role: "coordinator",
    name: "s3",
    hosts: [host],
    ...validity,
  });
  if (isTrusted) setDefaultCACertificates([...trusted, authority.certificate]);
  const server: Server = createServer({ cert: certificate, key: privateKey });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function failureAt(endpoint: string): Promise<StreamError> {
  await using store = createS3ObjectStore({
    clock: createNodeClock(),
    bucket: "bucket",
    endpoint,
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  });
  const failures = await Promise.all(
    [store.get("a"), store.put("a", [Buffer.from("x")])].map((call) =>
      call.then(
        () => undefined,
        (error: unknown) => StreamError.from(error),
      ),
    ),
  );
  const [first, second] = failures;
  if (first === undefined || second === undefined) throw new Error("the server was trusted");
  expect(second.code).toBe(first.code);
  return first;
}

test.each<[string, Certificate, string]>([
  [
    "of an unknown authority",
    { from: -1, to: 1, isTrusted: false },
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
  ["that has expired", { from: -2, to: -1, isTrusted: true }, "CERT_HAS_EXPIRED"],
  ["that is not valid yet", { from: 1, to: 2, isTrusted: true }, "CERT_NOT_YET_VALID"],
  [
    "for another host",
    { from: -1, to: 1, host: "127.0.0.2", isTrusted: true },
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ],
])("S3 with a certificate %s is tls-failed, and is not tried again", async (_what, made, says) => {
  await using server = await serveTls(made);
  const failure = await failureAt(`https://127.0.0.1:${server.port}`);
  expect(failure).toMatchObject({ code: "tls-failed", retry: "never" });
  expect(failure.message).toContain(`not trusted (${says}); check its dates, its name`);
});

test("plain HTTP to a TLS port is unavailable and says to look at the scheme", async () => {
  await using server = await serveTls({ from: -1, to: 1, isTrusted: true });
  const failure = await failureAt(`http://127.0.0.1:${server.port}`);
  expect(failure).toMatchObject({ code: "unavailable", domain: "external" });
  expect(failure.message).toContain("http or https");
});
