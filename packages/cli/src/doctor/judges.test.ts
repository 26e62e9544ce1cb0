import { parseWorkerId, StreamError, type StreamErrorCode } from "@millrace/core";
import { describe, expect, test } from "vitest";

import type { CoordinatorReply } from "../client/find-leader.ts";
import { judgeCoordinators, type CoordinatorFacts } from "./judge-coordinators.ts";
import { judgeCertificateTimes, judgeClock, judgeFolder, judgeNode } from "./judge-machine.ts";
import {
  judgeMetadata,
  judgeObjects,
  judgeOwnership,
  type MetadataFacts,
  type ObjectStep,
} from "./judge-stores.ts";

const hour = 3_600_000;
const day = 24 * hour;

function error(code: StreamErrorCode, message: string): StreamError {
  return new StreamError(code, message, { domain: "external", retry: "never" });
}

describe("this machine", () => {
  test.each([
    ["24.1.0", "ok"],
    ["26.0.0", "ok"],
    ["22.19.0", "failed"],
  ])("Node %s is %s", (version, status) => {
    expect(judgeNode(version).status).toBe(status);
  });

  test.each([
    [50_000_000_000, "ok", "ok"],
    [1_000_000_000, "warning", "out-of-space"],
    [50_000_000, "failed", "out-of-space"],
  ])("%d free bytes are %s", (freeBytes, status, code) => {
    expect(judgeFolder({ kind: "usable", path: "/data", freeBytes })).toMatchObject({
      status,
      code,
      message: expect.stringContaining("/data can be written"),
    });
  });

  test("a folder that cannot be written fails with the system's reason", () => {
    const facts = { kind: "failed", error: error("folder-not-writable", "EROFS") } as const;
    expect(judgeFolder(facts)).toMatchObject({
      status: "failed",
      code: "folder-not-writable",
      remedy: expect.stringMatching(/./),
    });
  });

  test.each([
    [0, "ok", "agrees"],
    [-4_000, "ok", "agrees"],
    [90_000, "warning", "90.0 s behind"],
    [-90_000, "warning", "90.0 s ahead of"],
    [hour, "failed", "behind"],
  ])("a clock that is %d ms away is %s", (offsetMs, status, text) => {
    expect(judgeClock({ what: "S3", offsetMs, roundTripMs: 20 })).toMatchObject({
      status,
      message: expect.stringContaining(text),
    });
  });

  test("a slow answer says less: its round trip counts as doubt", () => {
    expect(judgeClock({ what: "S3", offsetMs: 7_000, roundTripMs: 4_000 }).status).toBe("ok");
    expect(judgeClock({ what: "S3", offsetMs: 7_000, roundTripMs: 10 }).status).toBe("warning");
  });

  test.each([
    [400 * day, "ok", "ok"],
    [3 * day, "warning", "certificate-expires"],
    [-day, "failed", "tls-failed"],
  ])("a certificate with %d ms left is %s", (leftMs, status, code) => {
    const nowMs = 1_800_000_000_000;
    const facts = {
      what: "--tls-cert c",
      subject: "CN=c",
      validFromMs: 0,
      validToMs: nowMs + leftMs,
    };
    expect(judgeCertificateTimes(facts, nowMs)).toMatchObject({ status, code });
    const future = { ...facts, validFromMs: nowMs + 2_000 * day, validToMs: nowMs + 3_000 * day };
    expect(judgeCertificateTimes(future, nowMs)).toMatchObject({ status: "failed" });
  });
});

describe("the stores", () => {
  const works = {
    kind: "works",
    place: "etcd://e",
    roundTripMs: 5,
    revision: 100n,
    clusterId: "a",
    jobCount: 0,
  } as const satisfies MetadataFacts;

  test("metadata: works, slow, cannot be read, cannot be written, not there", () => {
    const fail = (step: "read" | "write", code: StreamErrorCode) =>
      judgeMetadata({ kind: "failed", place: "etcd://e", step, error: error(code, "no") });
    expect(judgeMetadata(works).status).toBe("ok");
    expect(judgeMetadata({ ...works, roundTripMs: 900 })).toMatchObject({ code: "slow" });
    expect(fail("read", "access-denied")).toMatchObject({
      status: "failed",
      code: "access-denied",
      message: "etcd://e cannot be read: no",
    });
    expect(fail("write", "out-of-space").message).toBe("etcd://e cannot be written: no");
    expect(judgeMetadata({ kind: "absent", place: "f", reason: "no file" }).status).toBe("skipped");
  });

  const objects = (errors: readonly (readonly [ObjectStep, StreamError | undefined])[]) =>
    judgeObjects({ kind: "used", place: "s3://b", roundTripMs: 1, errors: new Map(errors) });

  test("objects: what may be listed and not written is read-only, and says so", () => {
    const findings = objects([
      ["list", undefined],
      ["put", error("access-denied", "AccessDenied, status 403")],
    ]);
    expect(findings.map(({ check, status }) => [check, status])).toEqual([
      ["objects: list", "ok"],
      ["objects: put", "failed"],
    ]);
    expect(findings[1]?.remedy).toContain("read-only for these credentials");
  });

  test("objects: what may not be removed is fine for a worker, and stays", () => {
    const findings = objects([
      ["list", undefined],
      ["put", undefined],
      ["get", undefined],
      ["delete", error("access-denied", "AccessDenied, status 403")],
    ]);
    expect(findings.at(-1)).toMatchObject({ status: "failed", check: "objects: delete" });
    expect(findings.at(-1)?.remedy).toMatch(
      /workers do not; remove the probe object below doctor\//,
    );
  });

  test("objects: what may not even be listed is a matter of credentials", () => {
    const [finding] = objects([["list", error("access-denied", "SignatureDoesNotMatch")]]);
    expect(finding).toMatchObject({ code: "access-denied", status: "failed" });
    expect(finding?.remedy).toContain("Check the credentials");
  });

  const mark = (clusterId: string, revision: bigint) => ({ clusterId, revision, name: "m" });

  test.each([
    ["one cluster in both", works, [mark("a", 100n)], "ok"],
    ["new stores", { ...works, clusterId: undefined }, [], "ok"],
    ["a cluster that has not used its objects yet", works, [], "ok"],
    ["objects elsewhere", { ...works, jobCount: 2 }, [], "cluster-mismatch"],
    ["objects of another cluster", works, [mark("b", 1n)], "cluster-mismatch"],
    [
      "metadata that were lost",
      { ...works, clusterId: undefined },
      [mark("b", 1n)],
      "cluster-mismatch",
    ],
    ["metadata from a backup (F33)", works, [mark("a", 101n)], "metadata-regressed"],
  ])("%s: %#", (_name, { clusterId, ...facts }, marks, code) => {
    const metadata = { ...facts, ...(clusterId === undefined ? {} : { clusterId }) };
    expect(judgeOwnership(metadata, marks).code).toBe(code);
  });
});

describe("the coordinators", () => {
  const worker = (version: string) => ({
    workerId: parseWorkerId("w1"),
    processId: 1,
    slotCount: 2,
    freeSlotCount: 1,
    version,
  });
  const leads = (address: string, workers = [worker("1.0.0")]): CoordinatorReply => ({
    kind: "leads",
    address,
    cluster: { clusterId: "a", leaderEpoch: 1n, version: "1.0.0", workers },
  });
  const codesOf = (facts: Partial<CoordinatorFacts>): readonly string[] =>
    judgeCoordinators({ replies: [], version: "1.0.0", ...facts })
      .filter(({ status }) => status !== "ok")
      .map(({ code }) => code);

  test.each([
    ["one leader", { replies: [leads("a:1")] }, []],
    [
      "nobody there",
      { replies: [{ kind: "silent", address: "a:1", text: "" }] },
      ["coordinator-unreachable", "no-leader"],
    ],
    [
      "only standbys",
      { replies: [{ kind: "waits", address: "a:1", text: "stands by" }] },
      ["no-leader"],
    ],
    [
      "a token that is missing",
      { replies: [{ kind: "refuses", address: "a:1", error: error("unauthenticated", "") }] },
      ["unauthenticated", "no-leader"],
    ],
    [
      "a wrong authority",
      {
        replies: [
          { kind: "refuses", address: "a:1", error: error("tls-failed", "") },
          leads("b:1"),
        ],
      },
      ["tls-failed"],
    ],
    ["two leaders", { replies: [leads("a:1"), leads("b:1")] }, ["two-leaders"]],
    ["another version", { replies: [leads("a:1")], version: "2.0.0" }, ["version-skew"]],
    [
      "a worker of another version",
      { replies: [leads("a:1", [worker("0.9.0")])] },
      ["version-skew"],
    ],
    ["no workers", { replies: [leads("a:1", [])] }, ["no-slots"]],
    [
      "another cluster than the metadata",
      { replies: [leads("a:1")], clusterId: "b" },
      ["cluster-mismatch"],
    ],
  ] satisfies readonly (readonly [string, Partial<CoordinatorFacts>, readonly string[]])[])(
    "%s",
    (_name, facts, codes) => {
      expect(codesOf(facts)).toEqual(codes);
    },
  );
});
