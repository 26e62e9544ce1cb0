import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { accessRoles, type AccessRole, type AccessToken } from "@millrace/coordinator";
import { StreamError } from "@millrace/core";

import { rereadOnChange } from "./reread-on-change.ts";

/** So long a token that was taken out of the file may still count. */
const checkMs = 1_000;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}$/;

/**
 * Returns what reads the file of `--tokens` again when it has changed: a JSON list of `{ name, role,
 * sha256 }`. Throws `invalid-argument` for a file that cannot be read or says something else. A change
 * that cannot be used is told to `onProblem`, and the tokens from before it stay.
 */
export function openTokenFile(
  path: string,
  onProblem: (error: StreamError) => void,
): () => readonly AccessToken[] {
  const read = (): readonly AccessToken[] => parseTokens(readText(path), path);
  return rereadOnChange({ paths: [path], read, checkMs, onProblem });
}

/** Returns the tokens of a file's text; throws `invalid-argument` that names what is wrong. */
export function parseTokens(text: string, path: string): readonly AccessToken[] {
  const value = parseJson(text, path);
  if (!Array.isArray(value)) throw invalid(`the tokens file ${path} is not a JSON list`);
  const tokens = value.map((entry: unknown, index) => parseToken(entry, `${path}, entry ${index}`));
  const names = tokens.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`the tokens file ${path} has ${twice} twice: remove one`);
  return tokens;
}

/** Returns a new token of 256 random bits, and what is kept of it. */
export function makeToken(
  name: string,
  role: AccessRole,
): { readonly text: string; readonly kept: AccessToken } {
  if (!namePattern.test(name)) {
    throw invalid(`${JSON.stringify(name)} cannot name a token: use letters, digits and _ . @ -`);
  }
  const text = `mr_${randomBytes(32).toString("base64url")}`;
  return { text, kept: { name, role, sha256: hashToken(text) } };
}

/** Returns the SHA-256 of a token's text, in hex. */
export function hashToken(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Returns the token that a file holds; throws `invalid-argument`. */
export function readTokenText(path: string): string {
  const text = readText(path).trim();
  if (/^[\x21-\x7e]{1,512}$/.test(text)) return text;
  throw invalid(`the token file ${path} does not hold one line with a token`);
}

function parseToken(entry: unknown, where: string): AccessToken {
  const { name, role: roleText, sha256 } = toFields(entry);
  const role = accessRoles.find((known) => known === roleText);
  if (typeof name !== "string" || !namePattern.test(name)) throw invalid(`${where}: no name`);
  if (role === undefined)
    throw invalid(`${where}: the role is not one of ${accessRoles.join(", ")}`);
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw invalid(`${where}: sha256 is not the lower-case hex of a SHA-256`);
  }
  return { name, role, sha256 };
}

function toFields(entry: unknown): Readonly<Record<string, unknown>> {
  return typeof entry === "object" && entry !== null ? { ...entry } : {};
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`the tokens file ${path} is not JSON`, cause);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`the file ${path} cannot be read (${reason})`, cause);
  }
}

function invalid(message: string, cause?: unknown): StreamError {
  return new StreamError("invalid-argument", message, { domain: "user", retry: "never", cause });
}
