import type { Command } from "commander";

import type { Finding } from "../doctor/finding.ts";
import { createOutput, formatTable } from "../output.ts";
import { readVersion } from "../version.ts";
import { defined } from "./defined.ts";
import { addClientOptions, type ClientOptions } from "./shared-options.ts";
import {
  addMetadataOptions,
  addStoreOptions,
  type MetadataCommandOptions,
  type StoreCommandOptions,
} from "./store-options.ts";

interface DoctorCommandOptions extends ClientOptions, StoreCommandOptions, MetadataCommandOptions {}

/** Adds `millrace doctor`. */
export function addDoctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .description(
      "Look at all that a cluster needs from here: stores, permissions, clocks, certificates, coordinators",
    );
  addStoreOptions(command, "the data folder of a coordinator or worker of this machine");
  addMetadataOptions(command);
  addClientOptions(command).action(examine);
}

async function examine(options: DoctorCommandOptions): Promise<void> {
  const { runDoctor } = await import("../doctor/run-doctor.ts");
  const { createNodeClock } = await import("@millrace/platform");
  const { readClientSecurity } = await import("../security/client-security.ts");
  const { metadata, etcdCa, etcdCert, etcdKey, objects, tlsCa, tlsCert, tlsKey } = options;
  const findings = await runDoctor({
    metadata: {
      dataFolder: options.data,
      environment: process.env,
      ...defined({ metadata, etcdCa, etcdCert, etcdKey }),
    },
    coordinators: options.coordinator,
    tls: defined({ ca: tlsCa, certificate: tlsCert, key: tlsKey }),
    readSecurity: () => readClientSecurity(options, { MILLRACE_TOKEN: options.token }),
    version: readVersion(),
    clock: createNodeClock(),
    ...defined({ objects }),
  });
  createOutput(options.output).result({ findings }, () => formatFindings(findings));
  if (findings.some(({ status }) => status === "failed")) process.exitCode = 1;
}

const marks = { ok: "ok", warning: "warning", failed: "FAILED", skipped: "skipped" } as const;

function formatFindings(findings: readonly Finding[]): string {
  const rows = findings.map(({ status, check, message }) => [
    marks[status],
    check,
    message.split("\n")[0] ?? "",
  ]);
  const wrong = findings.filter(({ status }) => status === "failed" || status === "warning");
  const details = wrong.map(
    ({ status, check, code, message, remedy }) =>
      `${status}[${code}] ${check}: ${message}\n  ${remedy}`,
  );
  const failedCount = wrong.filter(({ status }) => status === "failed").length;
  const sum = `${failedCount} failed, ${wrong.length - failedCount} warnings, ${findings.length} checks`;
  return [formatTable(["STATUS", "CHECK", "FOUND"], rows), ...details, sum].join("\n\n");
}
