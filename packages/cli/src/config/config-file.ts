import { isAbsolute, join } from "node:path";

import { configError } from "./config-error.ts";

/** A config file, read and checked as far as it can be without knowing the commands. */
export interface ConfigFile {
  readonly path: string;
  /** What its relative paths are relative to. */
  readonly folder: string;
  readonly settings: ReadonlyMap<string, SettingText>;
  readonly commands: ReadonlyMap<string, ReadonlyMap<string, SettingText>>;
  readonly contexts: ReadonlyMap<string, ContextSettings>;
}

/** A value as the option's parser takes it: one text, or one for each time the option is given. */
export type SettingText = boolean | readonly string[];

/** How to reach a cluster, by the names of the settings. */
export type ContextSettings = Partial<Record<ContextSettingName, readonly string[]>> & {
  readonly coordinator: readonly string[];
};

export const contextSettingNames = [
  "coordinator",
  "tlsCa",
  "tlsCert",
  "tlsKey",
  "tokenFile",
] as const;

type ContextSettingName = (typeof contextSettingNames)[number];

/** Returns the config file with this content; throws `config-invalid` naming file and key. */
export function parseConfigFile(path: string, folder: string, content: unknown): ConfigFile {
  const where = (key: string): string => (key === "" ? path : `${path}: ${key}`);
  const { commands = {}, contexts = {}, ...settings } = asObject(content, where(""));
  return {
    path,
    folder,
    settings: parseSettings(settings, (key) => where(key)),
    commands: mapObject(asObject(commands, where("commands")), (own, command) =>
      parseSettings(asObject(own, where(`commands.${command}`)), (key) =>
        where(`commands.${command}.${key}`),
      ),
    ),
    contexts: mapObject(asObject(contexts, where("contexts")), (own, context) =>
      parseContext(own, where(`contexts.${context}`), folder),
    ),
  };
}

/** Returns a context; its files become absolute. Throws `config-invalid` naming the key. */
export function parseContext(value: unknown, where: string, folder: string): ContextSettings {
  const settings = parseSettings(asObject(value, where), (key) => `${where}.${key}`);
  const unknown = [...settings.keys()].find((key) => !contextSettingNames.some((n) => n === key));
  if (unknown !== undefined) {
    const known = contextSettingNames.join(", ");
    throw configError(`${where}.${unknown} is no setting of a context; there are ${known}`);
  }
  const textsOf = (name: ContextSettingName): readonly string[] | undefined => {
    const texts = settings.get(name);
    if (typeof texts === "boolean") throw configError(`${where}.${name} must be a text`);
    if (name === "coordinator") return texts;
    return texts?.map((text) => (isAbsolute(text) ? text : join(folder, text)));
  };
  const coordinator = textsOf("coordinator");
  if (coordinator === undefined || coordinator.length === 0) {
    throw configError(`${where}.coordinator is missing: the addresses of its coordinators`);
  }
  const given = contextSettingNames.flatMap((name) => {
    const texts = textsOf(name);
    return texts === undefined ? [] : [[name, texts] as const];
  });
  return { ...Object.fromEntries(given), coordinator };
}

function parseSettings(
  values: Readonly<Record<string, unknown>>,
  where: (key: string) => string,
): ReadonlyMap<string, SettingText> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return new Map(entries.map(([key, value]) => [key, toTexts(value, where(key))]));
}

function toTexts(value: unknown, where: string): SettingText {
  if (typeof value === "boolean") return value;
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  if (Array.isArray(value)) return value.map((item: unknown) => toText(item, where));
  // Such as the parameters of a job: { name: value } is --param name=value.
  const entries = Object.entries(asObject(value, where));
  return entries.map(([name, item]) => `${name}=${toText(item, `${where}.${name}`)}`);
}

function toText(value: unknown, where: string): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  throw configError(`${where} must be a text, a number or true or false`);
}

/** Returns the object; throws `config-invalid` if the value is none. */
export function asObject(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw configError(`${where} must be an object`);
}

function mapObject<Result>(
  values: Readonly<Record<string, unknown>>,
  parse: (value: unknown, key: string) => Result,
): ReadonlyMap<string, Result> {
  return new Map(Object.entries(values).map(([key, value]) => [key, parse(value, key)]));
}
