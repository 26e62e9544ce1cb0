import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { StreamError } from "@millrace/core";
import { afterAll, beforeEach, expect, test, vi } from "vitest";

import { writePrivateFile } from "./private-file.ts";
import { hashToken, makeToken, openTokenFile, parseTokens, readTokenText } from "./token-file.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-tokens-"));
const path = join(folder, "tokens.json");

afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => rmSync(path, { force: true }));

test("SEC2: a token has 256 random bits, and only its hash is kept", () => {
  const one = makeToken("ci", "submit");
  const two = makeToken("ci", "submit");
  expect(one.text).toMatch(/^mr_[A-Za-z0-9_-]{43}$/);
  expect(one.text).not.toBe(two.text);
  expect(one.kept).toEqual({ name: "ci", role: "submit", sha256: hashToken(one.text) });
  expect(JSON.stringify(one.kept)).not.toContain(one.text);
  expect(() => makeToken("a b", "read")).toThrow("cannot name a token");
});

const good = { name: "a", role: "read", sha256: "0".repeat(64) };

test.each([
  ["no JSON", "[{", "is not JSON"],
  ["no list", "{}", "is not a JSON list"],
  ["no name", JSON.stringify([{ ...good, name: "" }]), "entry 0: no name"],
  ["an unknown role", JSON.stringify([{ ...good, role: "root" }]), "entry 0: the role is not one"],
  ["an inherited role", JSON.stringify([{ ...good, role: "toString" }]), "the role is not one"],
  ["the token itself", JSON.stringify([{ ...good, sha256: "mr_x" }]), "is not the lower-case hex"],
  ["null", JSON.stringify([null]), "entry 0: no name"],
  ["a name twice", JSON.stringify([good, good]), "has a twice"],
])("a tokens file with %s is refused by name", (_what, text, message) => {
  expect(() => parseTokens(text, "t.json")).toThrow(message);
  expect(parseTokens(JSON.stringify([good]), "t.json")).toEqual([good]);
});

test("SEC2: a file that changes is read again, one that breaks is told once and the old tokens stay", () => {
  const now = vi.spyOn(performance, "now").mockReturnValue(0);
  writeFileSync(path, JSON.stringify([good]));
  const problems: StreamError[] = [];
  const read = openTokenFile(path, (error) => problems.push(error));
  writePrivateFile(path, "[]", { isReplacing: true });
  expect(read()).toEqual([good]);
  now.mockReturnValue(1_000);
  expect(read()).toEqual([]);
  writeFileSync(path, "nonsense");
  now.mockReturnValue(2_000);
  expect(read()).toEqual([]);
  now.mockReturnValue(3_000);
  expect(read()).toEqual([]);
  expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining("is not JSON")]);
  writePrivateFile(path, JSON.stringify([good]), { isReplacing: true });
  now.mockReturnValue(4_000);
  expect(read()).toEqual([good]);
  now.mockRestore();
});

test("a tokens file that is not there keeps the process from starting", () => {
  expect(() => openTokenFile(path, () => {})).toThrow(/tokens\.json cannot be read/);
});

test("a token file holds one token", () => {
  writeFileSync(path, "  mr_abc\n");
  expect(readTokenText(path)).toBe("mr_abc");
  writeFileSync(path, "two\nlines\n");
  expect(() => readTokenText(path)).toThrow("does not hold one line");
});

test("a private file is for its owner only, whole, and does not follow what lies in its place", () => {
  const other = join(folder, "other");
  writeFileSync(other, "untouched");
  symlinkSync(other, path);
  expect(() => writePrivateFile(path, "secret")).toThrow(/tokens\.json is there already/);
  writePrivateFile(path, "secret", { isReplacing: true });
  expect(readFileSync(other, "utf8")).toBe("untouched");
  expect(readFileSync(path, "utf8")).toBe("secret");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(() => writePrivateFile(join(other, "x"), "")).toThrow(/cannot be written/);
});
