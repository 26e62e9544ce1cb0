import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { TestAuthority } from "./test-certificates.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const main = join(repository, "packages/cli/dist/main.js");

export interface StartedProcess extends AsyncDisposable {
  readonly processId: number;
  /** What it said when it was ready, or undefined if it ended before. */
  readonly ready: Readonly<Record<string, unknown>> | undefined;
  readonly exitCode: number | null;
  /** The lines of standard error until now. */
  readonly log: readonly string[];
}

/** Starts a process of the built command and returns once it is ready or has ended. */
export async function startProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<StartedProcess> {
  const child = spawn(process.execPath, [main, ...args, "-o", "json"], {
    cwd: repository,
    env: { ...process.env, ...environment },
  });
  const log: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => log.push(...text.split("\n")));
  // Not `exit`: what it wrote at the end may come after that.
  const exited = once(child, "close");
  const said = new Promise<string>((resolve) => {
    child.stdout.setEncoding("utf8").once("data", resolve);
  });
  const first = await Promise.race([said, exited.then(() => undefined)]);
  const ready = first === undefined ? undefined : parseFields(first.split("\n")[0] ?? "");
  child.stdout.resume();
  return {
    processId: child.pid ?? 0,
    ready,
    log,
    get exitCode() {
      return child.exitCode;
    },
    [Symbol.asyncDispose]: () => endProcess(child, exited),
  };
}

function parseFields(line: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(line);
  return typeof value === "object" && value !== null ? { ...value } : {};
}

async function endProcess(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await exited;
}

/** Returns the TCP addresses at which a process listens, as `host:port`, sorted (Linux). */
export async function listeningAddresses(processId: number): Promise<readonly string[]> {
  const inodes = new Set<string>();
  for (const descriptor of await readdir(`/proc/${processId}/fd`)) {
    const target = await readlink(`/proc/${processId}/fd/${descriptor}`).catch(() => "");
    const [, inode] = /^socket:\[(\d+)\]$/.exec(target) ?? [];
    if (inode !== undefined) inodes.add(inode);
  }
  const found: string[] = [];
  for (const table of ["tcp", "tcp6"]) {
    const lines = (await readFile(`/proc/${processId}/net/${table}`, "utf8")).trim().split("\n");
    for (const line of lines.slice(1)) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (state === "0A" && inodes.has(inode)) found.push(formatAddress(local));
    }
  }
  return found.toSorted((a, b) => a.localeCompare(b));
}

/** The kernel writes each 32 bits of an address in the order of the machine. */
function formatAddress(local: string): string {
  const [host = "", port = ""] = local.split(":");
  const bytes = host.match(/../g) ?? [];
  const isV4 = bytes.length === 4;
  const readable = isV4
    ? bytes
        .toReversed()
        .map((byte) => Number.parseInt(byte, 16))
        .join(".")
    : `[${/^0+$/.test(host) ? "::" : host}]`;
  return `${readable}:${Number.parseInt(port, 16)}`;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

/** A folder with an authority, a certificate of each role, and a file of tokens. */
export interface SecurityFolder extends AsyncDisposable {
  readonly folder: string;
  readonly authority: TestAuthority;
  /** Flags of a process that shows a certificate of the role. */
  tls(role: "client" | "coordinator" | "worker"): readonly string[];
  readonly tokens: readonly string[];
  readonly tokenFile: string;
}

export async function createSecurityFolder(
  hashes: readonly { readonly name: string; readonly role: string; readonly sha256: string }[],
): Promise<SecurityFolder> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-security-"));
  const authority = await TestAuthority.create();
  const path = (name: string): string => join(folder, name);
  await writeFile(path("ca.pem"), authority.pair.certificate);
  for (const role of ["client", "coordinator", "worker"] as const) {
    const pair = await authority.issue(role, { hosts: ["127.0.0.1", "localhost", "0.0.0.0"] });
    await writeFile(path(`${role}.pem`), pair.certificate);
    await writeFile(path(`${role}-key.pem`), pair.privateKey, { mode: 0o600 });
  }
  await writeFile(path("tokens.json"), JSON.stringify(hashes));
  return {
    folder,
    authority,
    tls: (role) =>
      ["--tls-ca", path("ca.pem"), "--tls-cert", path(`${role}.pem`)].concat(
        "--tls-key",
        path(`${role}-key.pem`),
      ),
    tokens: ["--tokens", path("tokens.json")],
    tokenFile: path("tokens.json"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}
