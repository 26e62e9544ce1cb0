import { readFileSync } from "node:fs";

import { isJobMethod } from "@millrace/rpc";
import { expect, test } from "vitest";

import { callsWithPolicy, isRoleEnough, neededRole } from "./call-policy.ts";

test("SEC2: each call of the job service has a policy, and no other has", () => {
  const url = new URL("../../../../proto/millrace/v1/job.proto", import.meta.url);
  const methods = [...readFileSync(url, "utf8").matchAll(/^\s*rpc (\w+)\(/gm)].map(
    ([, name = ""]) => name,
  );
  expect(methods.length).toBeGreaterThan(7);
  expect(callsWithPolicy().toSorted()).toEqual(methods.toSorted());
  expect(callsWithPolicy().every(isJobMethod)).toBe(true);
});

test("SEC2: what changes something needs more than reading", () => {
  const changing = callsWithPolicy().filter((method) => neededRole(method) !== "read");
  expect(changing).toEqual(expect.arrayContaining(["SubmitJob", "CancelJob", "StopJob"]));
  expect(neededRole("toString")).toBe("admin");
});

test("SEC2: a role may do what those before it may, and no more", () => {
  expect(isRoleEnough("admin", "read")).toBe(true);
  expect(isRoleEnough("submit", "submit")).toBe(true);
  expect(isRoleEnough("read", "submit")).toBe(false);
});
