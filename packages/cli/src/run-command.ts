import { toFailureData } from "@millrace/core";
import { CommanderError } from "commander";

import { exitCodeOf, type ExitCode } from "./exit-code.ts";
import { formatFailure } from "./format-error.ts";
import { toJson } from "./output.ts";

/** Returns the exit code of a command after printing what it threw, if it did. */
export async function runCommand(command: () => Promise<unknown>): Promise<ExitCode> {
  try {
    await command();
    // A command that ends otherwise than well without an error has set its code.
    return toExitCode(process.exitCode);
  } catch (error) {
    // Commander has printed its message; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failure = toFailureData(error);
    const isJson = process.argv.includes("json");
    process.stderr.write(`${isJson ? toJson({ error: failure }) : formatFailure(failure)}\n`);
    if (failure.code === "internal" && failure.stack !== undefined) {
      process.stderr.write(`${failure.stack}\n`);
    }
    return exitCodeOf(failure.code);
  }
}

function toExitCode(code: typeof process.exitCode): ExitCode {
  return code === 1 || code === 2 || code === 3 || code === 4 || code === 130 ? code : 0;
}
