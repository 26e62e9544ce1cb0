import { Command } from "commander";

import { addCancelCommand } from "./commands/cancel.ts";
import { addCertsCommand } from "./commands/certs.ts";
import { addCheckpointsCommand } from "./commands/checkpoints.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addContextCommand } from "./commands/context.ts";
import { addCoordinatorCommand } from "./commands/coordinator.ts";
import { addDescribeCommand } from "./commands/describe.ts";
import { addDevCommand } from "./commands/dev.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addHealthCommand } from "./commands/health.ts";
import { addListCommand } from "./commands/list.ts";
import { addLogsCommand } from "./commands/logs.ts";
import { addRunCommand } from "./commands/run.ts";
import { addStopCommand } from "./commands/stop.ts";
import { addTokenCommand } from "./commands/token.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { addWorkerCommand } from "./commands/worker.ts";
import { configureProgram } from "./config/apply-settings.ts";
import { addClientSecurityOptions } from "./security/security-options.ts";
import { readVersion } from "./version.ts";

/** Returns the command line; parsing it runs the command and rejects with a StreamError. */
export function createProgram(): Command {
  const program = new Command("millrace")
    .description("Run and inspect stream-processing jobs")
    .version(readVersion())
    .option("--config <file>", "read settings from this file; `none` reads no file")
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, usagePrefix)),
    });
  for (const add of commands) add(program);
  for (const command of program.commands.filter(isClient)) addClientSecurityOptions(command);
  configureProgram(program);
  return program;
}

const usagePrefix = "error[invalid-argument]: ";

/** Whether the command asks a coordinator: each of them may need to say who asks. */
function isClient({ options }: Command): boolean {
  const flags = options.map(({ long }) => long);
  return flags.includes("--coordinator") && !flags.includes("--tls-ca");
}

const commands: readonly ((program: Command) => void)[] = [
  addDevCommand,
  addRunCommand,
  addListCommand,
  addDescribeCommand,
  addLogsCommand,
  addCheckpointsCommand,
  addStopCommand,
  addCancelCommand,
  addCoordinatorCommand,
  addWorkerCommand,
  addHealthCommand,
  addDoctorCommand,
  addVerifyCommand,
  addCertsCommand,
  addTokenCommand,
  addConfigCommand,
  addContextCommand,
];
