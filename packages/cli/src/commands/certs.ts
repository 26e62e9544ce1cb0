import { readFileSync } from "node:fs";
import { join } from "node:path";

import { peerRoles, StreamError, type PeerRole } from "@millrace/core";
import { Option, type Command } from "commander";

import { createOutput, type OutputFormat } from "../output.ts";
import type { PemPair, Validity } from "../security/certificate-authority.ts";
import { writePrivateFile } from "../security/private-file.ts";
import { outputOption, parseCount } from "./shared-options.ts";

const authorityDays = 3_650;
const certificateDays = 365;
const dayMs = 86_400_000;
/** Clocks of a cluster differ: a certificate is valid a little before it was made. */
const clockSkewMs = 300_000;
const authorityFiles = { certificate: "ca.pem", privateKey: "ca-key.pem" } as const;

interface InitOptions {
  readonly cluster: string;
  readonly folder: string;
  readonly days: number;
  readonly output: OutputFormat;
}

interface IssueOptions {
  readonly role: PeerRole;
  readonly name: string;
  readonly host: readonly string[];
  readonly folder: string;
  readonly days: number;
  readonly output: OutputFormat;
}

/** Adds `millrace certs init` and `millrace certs issue`. */
export function addCertsCommand(program: Command): void {
  const certs = program
    .command("certs")
    .description("Make the certificates by which coordinators and workers know each other");
  certs
    .command("init")
    .description("Make the authority of one cluster; keep its key off the cluster's machines")
    .requiredOption("--cluster <name>", "the cluster's name: a DNS label")
    .option("--folder <folder>", "where ca.pem and ca-key.pem go", "certs")
    .option("--days <count>", "how long it is valid", parseCount, authorityDays)
    .addOption(outputOption())
    .action(initAuthority);
  certs
    .command("issue")
    .description("Make a certificate of the authority in the folder, and its key")
    .addOption(new Option("--role <role>", "whose it is").choices(peerRoles).makeOptionMandatory())
    .requiredOption("--name <name>", "the holder's name, for people: a DNS label")
    .option(
      "--host <host...>",
      "DNS names and addresses by which others reach a coordinator or its metrics",
      [],
    )
    .option("--folder <folder>", "where the authority is, and the files go", "certs")
    .option("--days <count>", "how long it is valid", parseCount, certificateDays)
    .addOption(outputOption())
    .action(issue);
}

async function initAuthority(options: InitOptions): Promise<void> {
  const { createAuthority } = await import("../security/certificate-authority.ts");
  const pair = await createAuthority(options.cluster, validityOf(options.days));
  const files = pathsIn(options.folder, authorityFiles);
  writePair(files, pair);
  createOutput(options.output).result(
    { cluster: options.cluster, ...files },
    () =>
      `${files.certificate} is what all of cluster ${options.cluster} believe (--tls-ca)\n` +
      `${files.privateKey} makes certificates: keep it to yourself`,
  );
}

async function issue(options: IssueOptions): Promise<void> {
  const { role, name, host: hosts, folder, days } = options;
  if (role === "coordinator" && hosts.length === 0) {
    throw usage("a coordinator's certificate needs --host: the names by which it is reached");
  }
  const { issueCertificate } = await import("../security/certificate-authority.ts");
  const authority = readAuthority(folder);
  const pair = await issueCertificate({ authority, role, name, hosts, ...validityOf(days) });
  const own = { certificate: `${name}.pem`, privateKey: `${name}-key.pem` };
  const files = pathsIn(folder, own);
  writePair(files, pair);
  createOutput(options.output).result(
    { role, name, hosts, ...files },
    () =>
      `--tls-ca ${join(folder, authorityFiles.certificate)} --tls-cert ${files.certificate} ` +
      `--tls-key ${files.privateKey}`,
  );
}

type PairPaths = Readonly<Record<keyof PemPair, string>>;

function pathsIn(folder: string, names: PairPaths): PairPaths {
  return {
    certificate: join(folder, names.certificate),
    privateKey: join(folder, names.privateKey),
  };
}

function writePair(files: PairPaths, pair: PemPair): void {
  writePrivateFile(files.privateKey, pair.privateKey);
  writePrivateFile(files.certificate, pair.certificate);
}

function validityOf(days: number): Validity {
  const nowMs = Date.now();
  return {
    notBefore: new Date(nowMs - clockSkewMs),
    notAfter: new Date(nowMs + days * dayMs),
  };
}

function readAuthority(folder: string): PemPair {
  const files = pathsIn(folder, authorityFiles);
  try {
    return {
      certificate: readFileSync(files.certificate, "utf8"),
      privateKey: readFileSync(files.privateKey, "utf8"),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw usage(`there is no authority in ${folder} (${reason}): make one by millrace certs init`);
  }
}

function usage(message: string): StreamError {
  return new StreamError("invalid-argument", message, { domain: "user", retry: "never" });
}
