import type { Command } from "commander";

import {
  configuredCommands,
  nameOf,
  readConfiguration,
  resolveCommand,
} from "../config/apply-settings.ts";
import { listSettings, type SettingRow } from "../config/list-settings.ts";
import { createOutput, formatTable, type OutputFormat } from "../output.ts";
import { outputOption } from "./shared-options.ts";

interface ConfigOptions {
  readonly origin?: true;
  readonly output: OutputFormat;
}

/** Adds `millrace config`. */
export function addConfigCommand(program: Command): void {
  program
    .command("config")
    .description("Show every setting of every command as it would be used here")
    .option("--origin", "also say where each value comes from")
    .addOption(outputOption())
    .action(async (options: ConfigOptions) => {
      const configuration = await readConfiguration(program);
      const rows = listSettings(
        configuredCommands(program).map((command) => ({
          command: nameOf(command),
          settings: resolveCommand(command, configuration),
        })),
      );
      const isOriginShown = options.origin === true;
      createOutput(options.output).result({ settings: rows }, () => format(rows, isOriginShown));
    });
}

function format(rows: readonly SettingRow[], isOriginShown: boolean): string {
  const headings = ["SETTING", "VALUE", ...(isOriginShown ? ["FROM"] : [])];
  return formatTable(
    headings,
    rows.map(({ setting, value, origin }) => [
      setting,
      value,
      ...(isOriginShown ? [origin.text] : []),
    ]),
  );
}
