import { expect, test } from "vitest";

import { checkBind, isLoopback, type BindRequest } from "./check-bind.ts";

const nothing: BindRequest = {
  purpose: "session",
  host: "0.0.0.0",
  hasTls: false,
  hasTokens: false,
  isInsecureAllowed: false,
};

test.each(["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1", "[::1]"])(
  "SEC1: %s is this machine only",
  (host) => {
    expect(isLoopback(host)).toBe(true);
    expect(checkBind({ ...nothing, host })).toEqual({ kind: "allowed" });
  },
);

test.each([
  "0.0.0.0",
  "::",
  "[::]",
  "",
  "*",
  "10.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  // What a resolver may take for something else.
  "127.1",
  "0177.0.0.1",
  "2130706433",
  "0x7f000001",
  "127.0.0.1.example",
  "localhost.example",
])("SEC1: %j counts as beyond this machine", (host) => {
  expect(isLoopback(host)).toBe(false);
  expect(checkBind({ ...nothing, host }).kind).toBe("refused");
});

test.each([
  ["session", false, false, "refused"],
  ["session", true, false, "refused"],
  ["session", false, true, "refused"],
  ["session", true, true, "allowed"],
  ["metrics", false, false, "refused"],
  ["metrics", true, false, "refused"],
  ["metrics", false, true, "refused"],
  ["metrics", true, true, "allowed"],
  ["data", false, false, "refused"],
  ["data", true, false, "allowed"],
  ["data", false, true, "refused"],
  ["data", true, true, "allowed"],
] as const)("SEC1: %s with TLS %s and tokens %s is %s", (purpose, hasTls, hasTokens, kind) => {
  const request = { ...nothing, purpose, hasTls, hasTokens };
  expect(checkBind(request).kind).toBe(kind);
  // The override lets it through, and says so.
  const allowed = checkBind({ ...request, isInsecureAllowed: true });
  expect(allowed.kind).toBe(kind === "allowed" ? "allowed" : "allowed-insecure");
  const warning = allowed.kind === "allowed-insecure" ? allowed.warning : "";
  expect(warning.includes("--allow-insecure says: ")).toBe(kind === "refused");
});

test("SEC1: a refusal names what is missing, and what to do", () => {
  const decision = checkBind({ ...nothing, hasTls: true });
  expect(decision).toMatchObject({ kind: "refused", error: { code: "insecure-bind" } });
  expect(decision.kind === "refused" && decision.error.message).toBe(
    "the coordinator at 0.0.0.0 can be reached from other machines, and there is no token file: give " +
      "--tokens (millrace token create makes one), bind to 127.0.0.1, or accept the risk with " +
      "--allow-insecure",
  );
});
