import { existsSync, readFileSync } from "node:fs";

import { accessRoles, type AccessRole, type AccessToken } from "@millrace/coordinator";
import { StreamError } from "@millrace/core";
import { Option, type Command } from "commander";

import { createOutput, type OutputFormat } from "../output.ts";
import { writePrivateFile } from "../security/private-file.ts";
import { makeToken, parseTokens } from "../security/token-file.ts";
import { outputOption } from "./shared-options.ts";

interface TokenOptions {
  readonly role: AccessRole;
  readonly name?: string;
  readonly tokens: string;
  readonly output: OutputFormat;
}

interface RevokeOptions {
  readonly name: string;
  readonly tokens: string;
  readonly output: OutputFormat;
}

/** Adds `millrace token create` and `millrace token revoke`. */
export function addTokenCommand(program: Command): void {
  const token = program.command("token").description("Make and revoke tokens for commands");
  token
    .command("create")
    .description("Print a new token, once, and add its hash to the coordinator's file")
    .addOption(
      new Option("--role <role>", "read: look; submit: also run and end jobs; admin: all")
        .choices(accessRoles)
        .makeOptionMandatory(),
    )
    .option("--name <name>", "whose it is, for the log; default from the role")
    .option("--tokens <file>", "the coordinator's --tokens file", "tokens.json")
    .addOption(outputOption())
    .action(createToken);
  token
    .command("revoke")
    .description("Take a token out of the coordinator's file; it stops counting within a second")
    .requiredOption("--name <name>", "the token's name")
    .option("--tokens <file>", "the coordinator's --tokens file", "tokens.json")
    .addOption(outputOption())
    .action(revokeToken);
}

function createToken(options: TokenOptions): void {
  const { role, tokens: path, output } = options;
  const known = existsSync(path) ? readTokens(path) : [];
  const names = new Set(known.map((token) => token.name));
  const name = options.name ?? freeName(role, names);
  if (names.has(name)) {
    throw usage("already-exists", `${path} has a token ${name}: choose another name`);
  }
  const { text, kept } = makeToken(name, role);
  writeTokens(path, [...known, kept]);
  createOutput(output).result({ name, role, token: text }, () => text);
}

function freeName(role: AccessRole, names: ReadonlySet<string>): string {
  let number = 1;
  while (names.has(`${role}-${number}`)) number += 1;
  return `${role}-${number}`;
}

function revokeToken({ name, tokens: path, output }: RevokeOptions): void {
  const known = readTokens(path);
  const rest = known.filter((token) => token.name !== name);
  if (rest.length === known.length) throw usage("not-found", `${path} has no token ${name}`);
  writeTokens(path, rest);
  createOutput(output).result({ name, revoked: true }, () => `${name} is revoked`);
}

function readTokens(path: string): readonly AccessToken[] {
  try {
    return parseTokens(readFileSync(path, "utf8"), path);
  } catch (caught) {
    if (caught instanceof StreamError) throw caught;
    throw usage("invalid-argument", `${path} cannot be read (${String(caught)})`);
  }
}

function writeTokens(path: string, tokens: readonly AccessToken[]): void {
  writePrivateFile(path, `${JSON.stringify(tokens, undefined, 2)}\n`, { isReplacing: true });
}

function usage(
  code: "already-exists" | "invalid-argument" | "not-found",
  message: string,
): StreamError {
  return new StreamError(code, message, { domain: "user", retry: "never" });
}
