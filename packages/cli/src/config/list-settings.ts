import { toJson } from "../output.ts";
import type { Origin, ResolvedSetting } from "./resolve-settings.ts";

/** A setting as `millrace config` shows it. */
export interface SettingRow {
  /** `slots`, or `worker.slots` where commands differ. */
  readonly setting: string;
  readonly value: string;
  readonly commands: readonly string[];
  readonly origin: Origin & { readonly text: string };
}

/** Returns a row for each setting, by name; several where the commands differ. Secrets are `***`. */
export function listSettings(
  commands: readonly { readonly command: string; readonly settings: readonly ResolvedSetting[] }[],
): readonly SettingRow[] {
  const byName = new Map<string, Map<string, SettingRow>>();
  for (const { command, settings } of commands) {
    for (const resolved of settings) {
      const { name } = resolved.setting;
      const origin = { ...resolved.origin, text: describeOrigin(resolved.origin) };
      const row = { setting: name, value: showValue(resolved), commands: [command], origin };
      const variants = byName.get(name) ?? new Map<string, SettingRow>();
      const key = toJson([row.value, origin]);
      const same = variants.get(key);
      variants.set(key, same === undefined ? row : merge(same, command));
      byName.set(name, variants);
    }
  }
  return [...byName]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, variants]) => {
      const rows = [...variants.values()];
      return rows.length === 1 ? rows : rows.map(nameCommands);
    });
}

function merge(row: SettingRow, command: string): SettingRow {
  return { ...row, commands: [...row.commands, command] };
}

function nameCommands(row: SettingRow): SettingRow {
  return { ...row, setting: `${row.commands.join(",")}.${row.setting}` };
}

function showValue({ setting, value }: ResolvedSetting): string {
  if (value === undefined) return "-";
  if (setting.isSecret) return "***";
  if (Array.isArray(value)) return value.length === 0 ? "-" : hidePasswords(value.join(","));
  return hidePasswords(typeof value === "string" ? value : toJson(value));
}

/** Of addresses such as `etcd://user:password@host`. */
function hidePasswords(text: string): string {
  return text.replaceAll(/(\/\/)[^/@\s]+@/g, "$1***@");
}

function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "flag":
      return origin.flag;
    case "environment":
      return origin.variable;
    case "context":
      return `context ${origin.context} in ${origin.path}`;
    case "file":
      return `${origin.path}: ${origin.key}`;
    case "default":
      return "default";
  }
}
