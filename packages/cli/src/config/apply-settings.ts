import type { Command } from "commander";

import { configError } from "./config-error.ts";
import type { ConfigFile } from "./config-file.ts";
import { loadConfigFile } from "./load-config-file.ts";
import { resolveSettings, type ResolvedSetting } from "./resolve-settings.ts";
import { settingsOf } from "./setting.ts";
import { readUserContexts, userContextsPath, type UserContexts } from "./user-contexts.ts";

/** What settings come from, besides the command line. */
export interface Configuration {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
  readonly userContexts: UserContexts;
}

/**
 * Makes every option of every command below the program a setting: before an action runs, what the
 * command line does not give comes from the environment, the config file, a context.
 */
export function configureProgram(program: Command): void {
  for (const command of configuredCommands(program)) nameVariables(command);
  program.hook("preAction", async (_program, command) => {
    if (withoutSettings.test(nameOf(command))) return;
    const configuration = await readConfiguration(program);
    for (const { setting, value, origin } of resolveCommand(command, configuration)) {
      if (origin.kind === "flag" || origin.kind === "default") continue;
      const source = origin.kind === "environment" ? "env" : "config";
      command.setOptionValueWithSource(setting.name, value, source);
    }
  });
}

/** Whose options say what to make or to write down; and the one that asks for settings itself. */
const withoutSettings = /^(?:config$|certs |context |token )/;

/** Returns the configuration of this process; throws `config-invalid`. */
export async function readConfiguration(program: Command): Promise<Configuration> {
  const environment = process.env;
  const named: unknown = program.opts()["config"] ?? environment["MILLRACE_CONFIG"];
  const path = typeof named === "string" && named !== "" ? named : undefined;
  const file = await loadConfigFile(process.cwd(), path);
  if (file !== undefined) refuseUnknown(program, file);
  return { environment, file, userContexts: await readUserContexts(userContextsPath(environment)) };
}

/** Returns the settings of one command. */
export function resolveCommand(
  command: Command,
  configuration: Configuration,
): readonly ResolvedSetting[] {
  const settings = settingsOf(command.options);
  const given = settings.filter(({ name }) => command.getOptionValueSource(name) === "cli");
  const options: Readonly<Record<string, unknown>> = command.opts();
  const flags = new Map(given.map(({ name }) => [name, options[name]]));
  return resolveSettings(settings, { command: nameOf(command), flags, ...configuration });
}

/** Returns the commands whose options are settings. */
export function configuredCommands(program: Command): readonly Command[] {
  return commandsBelow(program).filter((command) => !withoutSettings.test(nameOf(command)));
}

/** Returns the commands that do something: the program's own and those of its groups. */
function commandsBelow(program: Command): readonly Command[] {
  return program.commands.flatMap((command) =>
    command.commands.length === 0 ? [command] : commandsBelow(command),
  );
}

/** Returns a command's name within the program, such as `worker` or `context set`. */
export function nameOf(command: Command): string {
  const { parent } = command;
  const isTop = parent === null || parent.parent === null;
  return isTop ? command.name() : `${nameOf(parent)} ${command.name()}`;
}

function nameVariables(command: Command): void {
  const known = new Map(settingsOf(command.options).map((setting) => [setting.name, setting]));
  for (const option of command.options) {
    const setting = known.get(option.attributeName());
    // One that commander knows of is in its help already.
    if (setting === undefined || option.envVar !== undefined) continue;
    option.description = `${option.description} (env: ${setting.environmentName})`;
  }
}

function refuseUnknown(program: Command, file: ConfigFile): void {
  const commands = new Map(
    configuredCommands(program).map((command) => [
      nameOf(command),
      settingsOf(command.options).map(({ name }) => name),
    ]),
  );
  const all = [...commands.values()].flat();
  refuseUnknownKeys([...file.settings.keys()], all, `${file.path}: `);
  for (const [command, settings] of file.commands) {
    const own = commands.get(command);
    if (own === undefined) {
      throw unknownKey(`${file.path}: commands.${command}`, command, [...commands.keys()]);
    }
    refuseUnknownKeys([...settings.keys()], own, `${file.path}: commands.${command}.`);
  }
}

function refuseUnknownKeys(
  keys: readonly string[],
  known: readonly string[],
  before: string,
): void {
  const wrong = keys.find((key) => !known.includes(key));
  if (wrong !== undefined) throw unknownKey(`${before}${wrong}`, wrong, known);
}

function unknownKey(where: string, key: string, known: readonly string[]): Error {
  const near = known.find((name) => distance(name, key) <= 2);
  const hint =
    near === undefined ? `there are ${[...new Set(known)].join(", ")}` : `did you mean ${near}?`;
  return configError(`${where} is not known; ${hint}`);
}

/** Returns how many letters must be added, removed or changed to make one of the other. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let at = 0; at < left.length; at += 1) {
    const next = [at + 1];
    for (let to = 0; to < right.length; to += 1) {
      const change =
        (row[to] ?? 0) + (left[at]?.toLowerCase() === right[to]?.toLowerCase() ? 0 : 1);
      next.push(Math.min(change, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
