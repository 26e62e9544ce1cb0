import { createHash } from "node:crypto";

import { silentLogger, type Caller } from "@millrace/core";
import { expect, test } from "vitest";

import { VirtualTime } from "../test-kit/virtual-time.ts";
import { createAccessControl, type AccessToken } from "./access-control.ts";
import { accessRoles } from "./call-policy.ts";
import { FailureLimiter } from "./failure-limiter.ts";

const sha256 = (text: string | Uint8Array): string =>
  createHash("sha256").update(text).digest("hex");
const digest = { sha256 };
const tokens: readonly AccessToken[] = accessRoles.map((role) => ({
  name: `the ${role}er`,
  role,
  sha256: sha256(`secret-${role}`),
}));

function setUp(readTokens: (() => readonly AccessToken[]) | undefined = () => tokens) {
  const clock = new VirtualTime();
  const access = createAccessControl({
    clock,
    digest,
    logger: silentLogger,
    readTokens,
    limits: { maxFailures: 3, windowMs: 10_000, maxHosts: 2 },
  });
  return { clock, access };
}

function callerOf(token?: string, host = "10.0.0.1"): Caller {
  const who = { peer: `${host}:1`, host, isEncrypted: true };
  return token === undefined ? who : { ...who, token };
}

test("SEC2: a call needs a known token of a role that is enough", () => {
  const { access } = setUp();
  expect(access.checkCall("ListJobs", callerOf("secret-read"))).toBe("the reader");
  expect(access.checkCall("SubmitJob", callerOf("secret-submit"))).toBe("the submiter");
  expect(access.checkCall("SubmitJob", callerOf("secret-admin"))).toBe("the adminer");
  const refused = (method: string, caller: Caller | undefined) => () =>
    access.checkCall(method, caller);
  expect(refused("SubmitJob", callerOf("secret-read"))).toThrow("has the role read, this needs");
  expect(refused("ListJobs", callerOf())).toThrow("this call needs a token");
  expect(refused("ListJobs", undefined)).toThrow("this call needs a token");
  expect(refused("ListJobs", callerOf("secret-rea"))).toThrow("is not known here");
  // The hash itself is no token: who reads the file cannot call.
  expect(refused("ListJobs", callerOf(sha256("secret-read")))).toThrow("is not known here");
});

test("SEC2: a method that has no policy needs the highest role", () => {
  const { access } = setUp();
  expect(() => access.checkCall("Unheard", callerOf("secret-submit"))).toThrow("this needs admin");
  expect(() => access.checkCall("constructor", callerOf("secret-submit"))).toThrow("needs admin");
});

test("SEC2: without tokens calls are open, with an empty list they are not", () => {
  const { access } = setUp();
  expect(() => access.checkCall("ListJobs", callerOf())).toThrow("needs a token");
  const open = createAccessControl({ clock: new VirtualTime(), digest, logger: silentLogger });
  expect(open.checkCall("SubmitJob", undefined)).toBeUndefined();
  const none = setUp(() => []).access;
  expect(() => none.checkCall("ListJobs", callerOf("secret-read"))).toThrow("is not known here");
});

test("SEC2: a token that was taken out of the list counts no more", () => {
  let current = tokens;
  const { access } = setUp(() => current);
  access.checkCall("ListJobs", callerOf("secret-read"));
  current = tokens.filter(({ role }) => role !== "read");
  expect(() => access.checkCall("ListJobs", callerOf("secret-read"))).toThrow("(any more)");
});

test("SEC2: a host with too many wrong tokens waits, others do not, nor do calls without one", async () => {
  const { access, clock } = setUp();
  for (let index = 0; index < 3; index += 1) {
    expect(() => access.checkCall("ListJobs", callerOf(`guess-${index}`))).toThrow("not known");
    expect(() => access.checkCall("ListJobs", callerOf())).toThrow("needs a token");
  }
  expect(() => access.checkCall("ListJobs", callerOf("secret-read"))).toThrow("wait 10 s");
  expect(access.checkCall("ListJobs", callerOf("secret-read", "10.0.0.2"))).toBe("the reader");
  await clock.advance(10_000);
  expect(access.checkCall("ListJobs", callerOf("secret-read"))).toBe("the reader");
});

test("S15: only so many hosts are remembered", () => {
  const limiter = new FailureLimiter(new VirtualTime(), {
    maxFailures: 1,
    windowMs: 1_000,
    maxHosts: 2,
  });
  for (const host of ["a", "b", "c"]) limiter.count(host);
  expect(["a", "b", "c"].map((host) => limiter.waitMs(host) > 0)).toEqual([false, true, true]);
});

test("SEC3: over TLS a session needs a worker's certificate", () => {
  const { access } = setUp();
  const tls = callerOf();
  const worker = { clusterName: "a", role: "worker", name: "w" } as const;
  expect(access.checkSession({ ...tls, identity: worker })).toBeUndefined();
  expect(access.checkSession({ ...tls, identity: { ...worker, role: "client" } })).toMatchObject({
    code: "unauthenticated",
    message: expect.stringContaining("is of a client"),
  });
  expect(access.checkSession({ ...tls, identityProblem: "it expired" })?.message).toContain(
    "cluster: it expired",
  );
  // A token is for people: it opens no session.
  expect(access.checkSession(callerOf("secret-admin"))).toBeDefined();
  expect(access.checkSession({ ...tls, isEncrypted: false })).toBeUndefined();
});
