/**
 * Decides what each setting of a command is, and where that comes from. Pure.
 *
 * I1 A flag wins over the environment, that over the config file, that over the default; in the file
 *    what stands under the command wins over what stands for all.
 * I2 A context counts as where it was named (a current one of `millrace context use` below the config
 *    file); at the same place the setting itself wins.
 * I3 A context is whole: below it nothing of another cluster fills its gaps, so that a token never
 *    goes to a cluster that it was not meant for.
 * I4 An empty variable counts as absent.
 */
import { isAbsolute, join } from "node:path";

import { configError } from "./config-error.ts";
import {
  contextSettingNames,
  type ConfigFile,
  type ContextSettings,
  type SettingText,
} from "./config-file.ts";
import type { Setting } from "./setting.ts";
import type { UserContexts } from "./user-contexts.ts";

export type Origin =
  | { readonly kind: "flag"; readonly flag: string }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "context"; readonly context: string; readonly path: string }
  | { readonly kind: "file"; readonly path: string; readonly key: string }
  | { readonly kind: "default" };

export interface ResolvedSetting {
  readonly setting: Setting;
  /** Undefined: not set, and without a default. */
  readonly value: unknown;
  readonly origin: Origin;
}

export interface SettingSources {
  /** The command's name, as in `commands.<name>` of the config file. */
  readonly command: string;
  /** What the command line gave, parsed. */
  readonly flags: ReadonlyMap<string, unknown>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
  readonly userContexts: UserContexts;
}

/** Higher wins. */
const ranks = { flag: 4, environment: 3, file: 2, user: 1, default: 0 } as const;

interface Candidate {
  readonly rank: number;
  readonly value: unknown;
  readonly origin: Origin;
}

/** Returns every setting of the command; throws `config-invalid` naming the place and the key. */
export function resolveSettings(
  settings: readonly Setting[],
  sources: SettingSources,
): readonly ResolvedSetting[] {
  const context = resolveContext(settings, sources);
  return settings.map((setting) => {
    const own = resolveOwn(setting, sources);
    const isOfCluster = connectionSettings.has(setting.name);
    const chosen =
      context === undefined || !isOfCluster || own.rank >= context.rank
        ? own
        : ofContext(setting, context);
    return { setting, value: chosen.value, origin: chosen.origin };
  });
}

const connectionSettings: ReadonlySet<string> = new Set([...contextSettingNames, "token"]);

function resolveOwn(setting: Setting, sources: SettingSources): Candidate {
  const { name, flag, environmentName } = setting;
  if (sources.flags.has(name)) {
    return { rank: ranks.flag, value: sources.flags.get(name), origin: { kind: "flag", flag } };
  }
  const text = sources.environment[environmentName];
  if (text !== undefined && text !== "") {
    const origin = { kind: "environment", variable: environmentName } as const;
    const texts = setting.kind === "flag" ? parseSwitch(text, environmentName) : text.split("\n");
    return { rank: ranks.environment, value: parse(setting, texts, environmentName), origin };
  }
  return fromFile(setting, sources) ?? fallback(setting);
}

function fallback({ defaultValue }: Setting): Candidate {
  return { rank: ranks.default, value: defaultValue, origin: { kind: "default" } };
}

function fromFile(setting: Setting, { file, command }: SettingSources): Candidate | undefined {
  if (file === undefined) return undefined;
  const { name } = setting;
  const own = file.commands.get(command)?.get(name);
  const texts = own ?? file.settings.get(name);
  if (texts === undefined) return undefined;
  const key = own === undefined ? name : `commands.${command}.${name}`;
  const { path } = file;
  const value = parse(setting, atFolder(setting, texts, file.folder), `${path}: ${key}`);
  return { rank: ranks.file, value, origin: { kind: "file", path, key } };
}

/** Makes the relative paths of a config file absolute. */
function atFolder(setting: Setting, texts: SettingText, folder: string): SettingText {
  if (typeof texts === "boolean") return texts;
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  if (setting.kind === "path") return texts.map(absolute);
  if (setting.kind !== "url") return texts;
  return texts.map((text) => {
    const [, scheme, path = ""] = /^(file|sqlite):(?!\/\/)(.+)$/.exec(text) ?? [];
    return scheme === undefined ? text : `${scheme}:${absolute(path)}`;
  });
}

interface NamedContext {
  readonly name: string;
  readonly rank: number;
  readonly path: string;
  readonly settings: ContextSettings;
}

function resolveContext(
  settings: readonly Setting[],
  sources: SettingSources,
): NamedContext | undefined {
  const setting = settings.find(({ name }) => name === "context");
  if (setting === undefined) return undefined;
  const { file, userContexts } = sources;
  const named = resolveOwn(setting, sources);
  const name = named.value ?? userContexts.current;
  if (typeof name !== "string") return undefined;
  const rank = named.value === undefined ? ranks.user : named.rank;
  const ofFile = file?.contexts.get(name);
  if (file !== undefined && ofFile !== undefined) {
    return { name, rank, path: file.path, settings: ofFile };
  }
  const ofUser = userContexts.contexts.get(name);
  if (ofUser !== undefined) return { name, rank, path: userContexts.path, settings: ofUser };
  const known = [...(file?.contexts.keys() ?? []), ...userContexts.contexts.keys()];
  const those = known.length === 0 ? "there are none" : `there are ${known.join(", ")}`;
  throw configError(
    `there is no context ${JSON.stringify(name)}; ${those}. Add one with \`millrace context set ${name} --coordinator host:port\``,
  );
}

function ofContext(setting: Setting, { name, rank, path, settings }: NamedContext): Candidate {
  const origin = { kind: "context", context: name, path } as const;
  const given = new Map<string, readonly string[] | undefined>(Object.entries(settings));
  const texts = given.get(setting.name);
  if (texts === undefined) return { rank, value: undefined, origin };
  return { rank, value: parse(setting, texts, `${path}: ${name}.${setting.name}`), origin };
}

const switches: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["true", true],
  ["yes", true],
  ["0", false],
  ["false", false],
  ["no", false],
]);

function parseSwitch(text: string, where: string): boolean {
  const value = switches.get(text.toLowerCase());
  if (value !== undefined) return value;
  throw configError(`${where} is ${JSON.stringify(text)}; write true or false`);
}

function parse(setting: Setting, texts: SettingText, where: string): unknown {
  if (typeof texts === "boolean") {
    if (setting.kind === "flag") return texts || undefined;
    throw configError(`${where} must be a text or a number`);
  }
  if (setting.kind === "flag") throw configError(`${where} must be true or false`);
  let value: unknown = setting.defaultValue;
  for (const text of texts) {
    try {
      value = setting.parse(text, value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const shown = setting.isSecret ? "not usable" : JSON.stringify(text);
      throw configError(`${where} is ${shown}: ${reason}`, cause);
    }
  }
  return value;
}
