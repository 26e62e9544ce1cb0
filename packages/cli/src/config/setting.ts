import type { Option } from "commander";

/**
 * An option of a command, as the configuration sees it.
 *
 * Nothing has to be done for an option to take part: each one that a command declares is a setting.
 * `--metrics-port <port>` is `MILLRACE_METRICS_PORT`, and `metricsPort` in the config file, for all
 * commands or under `commands.worker`. A placeholder `<file>` or `<folder>` makes it a path, which in
 * a config file is relative to that file; `<url>` the same for `file:` and `sqlite:`.
 */
export interface Setting {
  /** As in the config file and in the options that the action gets. */
  readonly name: string;
  readonly flag: string;
  readonly environmentName: string;
  readonly kind: "flag" | "text" | "path" | "url";
  /** Never shown. */
  readonly isSecret: boolean;
  readonly defaultValue: unknown;
  /** Returns the value of a text; throws commander's InvalidArgumentError. */
  readonly parse: (text: string, previous: unknown) => unknown;
}

/** Not settings: what they say holds for one call of the command. */
const notSettings: ReadonlySet<string> = new Set([
  "config",
  "help",
  "origin",
  "supervised",
  "version",
]);

/** Returns the settings among a command's options. */
export function settingsOf(options: readonly Option[]): readonly Setting[] {
  return options.filter((option) => !notSettings.has(option.attributeName())).map(toSetting);
}

function toSetting(option: Option): Setting {
  const name = option.attributeName();
  const { long, flags } = option;
  const defaultValue: unknown = option.defaultValue;
  return {
    name,
    flag: long ?? flags,
    environmentName: option.envVar ?? environmentNameOf(name),
    kind: kindOf(option),
    isSecret: /(?:token|password|secret)$/i.test(name),
    defaultValue,
    parse: (text, previous) => option.parseArg?.(text, previous) ?? text,
  };
}

function kindOf(option: Option): Setting["kind"] {
  if (option.isBoolean()) return "flag";
  if (/<(?:file|folder)>/.test(option.flags)) return "path";
  return option.flags.includes("<url>") ? "url" : "text";
}

/** Returns the variable of a setting: `metricsPort` is `MILLRACE_METRICS_PORT`. */
function environmentNameOf(name: string): string {
  return `MILLRACE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
