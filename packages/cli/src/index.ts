export { runDev, type DevOptions } from "./dev/run-dev.ts";
export type { ExitCode } from "./exit-code.ts";
export { createOutput, type Output, type OutputFormat } from "./output.ts";
export { runCommand } from "./run-command.ts";
export { runMain } from "./run-main.ts";
export { readVersion } from "./version.ts";
