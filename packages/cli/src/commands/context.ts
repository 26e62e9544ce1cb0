import { resolve } from "node:path";

import { StreamError } from "@millrace/core";
import { Argument, InvalidArgumentError, type Command } from "commander";

import { readConfiguration } from "../config/apply-settings.ts";
import type { ContextSettings } from "../config/config-file.ts";
import {
  readUserContexts,
  userContextsPath,
  writeUserContexts,
  type UserContexts,
} from "../config/user-contexts.ts";
import { createOutput, formatTable, type OutputFormat } from "../output.ts";
import { outputOption, parseAddresses } from "./shared-options.ts";

interface OutputOptions {
  readonly output: OutputFormat;
}

interface SetOptions extends OutputOptions {
  readonly coordinator: readonly string[];
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
}

/** Adds `millrace context`: clusters by name. */
export function addContextCommand(program: Command): void {
  const group = program
    .command("context")
    .description("Name clusters, and choose the one that commands talk to");
  addList(program, group);
  addUse(group);
  addSet(group);
  addRemove(group);
}

function addList(program: Command, group: Command): void {
  group
    .command("ls")
    .description("List the contexts; the one in use is marked")
    .addOption(outputOption())
    .action(async ({ output }: OutputOptions) => {
      const { file, userContexts } = await readConfiguration(program);
      const ofUser = [...userContexts.contexts].map(
        ([name, settings]) => [name, { settings, path: userContexts.path }] as const,
      );
      const ofFile = [...(file?.contexts ?? [])].map(
        ([name, settings]) => [name, { settings, path: file?.path ?? "" }] as const,
      );
      const contexts = [...new Map([...ofUser, ...ofFile])].map(([name, { settings, path }]) => ({
        name,
        isCurrent: name === userContexts.current,
        path,
        ...settings,
      }));
      createOutput(output).result({ contexts }, () => formatContexts(contexts));
    });
}

function formatContexts(
  contexts: readonly {
    readonly name: string;
    readonly isCurrent: boolean;
    readonly path: string;
    readonly coordinator: readonly string[];
  }[],
): string {
  if (contexts.length === 0) return "no contexts";
  const rows = contexts.map(({ name, isCurrent, coordinator, path }) => [
    isCurrent ? `${name} *` : name,
    coordinator.join(","),
    path,
  ]);
  return formatTable(["CONTEXT", "COORDINATOR", "FROM"], rows);
}

function addUse(group: Command): void {
  group
    .command("use")
    .description("Let commands talk to this cluster unless something else is said")
    .addArgument(nameArgument())
    .addOption(outputOption())
    .action((name: string, { output }: OutputOptions) =>
      change(output, `${name} is in use`, (before) => {
        if (!before.contexts.has(name)) throw unknownContext(name, before);
        return { ...before, current: name };
      }),
    );
}

function addSet(group: Command): void {
  group
    .command("set")
    .description("Write down how a cluster is reached, or change it")
    .addArgument(nameArgument())
    .requiredOption("--coordinator <host:port>", "its coordinators", parseAddresses)
    .option("--tls-ca <file>", "the authority of its certificates")
    .option("--tls-cert <file>", "this user's certificate")
    .option("--tls-key <file>", "the certificate's key")
    .option("--token-file <file>", "holds this user's token")
    .addOption(outputOption())
    .action((name: string, options: SetOptions) =>
      change(options.output, `${name} is written down`, (before) => ({
        ...before,
        contexts: new Map([...before.contexts, [name, toContext(options)]]),
      })),
    );
}

function addRemove(group: Command): void {
  group
    .command("rm")
    .description("Forget a cluster")
    .addArgument(nameArgument())
    .addOption(outputOption())
    .action((name: string, { output }: OutputOptions) =>
      change(output, `${name} is forgotten`, (before) => {
        if (!before.contexts.has(name)) throw unknownContext(name, before);
        return {
          ...before,
          current: before.current === name ? undefined : before.current,
          contexts: new Map([...before.contexts].filter(([other]) => other !== name)),
        };
      }),
    );
}

async function change(
  output: OutputFormat,
  done: string,
  decide: (before: UserContexts) => UserContexts,
): Promise<void> {
  const after = decide(await readUserContexts(userContextsPath(process.env)));
  await writeUserContexts(after);
  createOutput(output).result({ current: after.current, path: after.path }, () => done);
}

/** Where the command runs says nothing later: files become absolute. */
function toContext(options: SetOptions): ContextSettings {
  const { coordinator, tlsCa, tlsCert, tlsKey, tokenFile } = options;
  const files = Object.entries({ tlsCa, tlsCert, tlsKey, tokenFile });
  const given = files.flatMap(([name, path]) =>
    path === undefined ? [] : [[name, [resolve(path)]] as const],
  );
  return { coordinator, ...Object.fromEntries(given) };
}

function nameArgument(): Argument {
  return new Argument("<name>", "the context").argParser((text: string) => {
    if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text;
    throw new InvalidArgumentError("a name has letters, digits, dots and dashes.");
  });
}

function unknownContext(name: string, { contexts, path }: UserContexts): StreamError {
  const known = contexts.size === 0 ? "no contexts" : [...contexts.keys()].join(", ");
  return new StreamError(
    "not-found",
    `there is no context ${name} in ${path}, which has ${known}`,
    {
      domain: "user",
      retry: "never",
    },
  );
}
