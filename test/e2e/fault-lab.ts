import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { createMetadataKeys } from "@millrace/coordinator";
import { openEtcdMetadataStore } from "@millrace/metadata";
import { createNodeClock } from "@millrace/platform";
import { createS3ObjectStore } from "@millrace/storage";

import { startEtcd, type EtcdServers } from "../servers/etcd.ts";
import { startHttpFaultProxy, type HttpFault } from "../servers/http-fault-proxy.ts";
import { startS3, type S3Server } from "../servers/s3.ts";
import { findPorts } from "../servers/server-process.ts";
import { runMillrace } from "./run-millrace.ts";

const main = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
const clock = createNodeClock();

/** What a process is started with: how it is wrong is in here. */
export interface Setup {
  readonly metadata: string;
  readonly objects: string;
  readonly coordinator: string;
  readonly data: string;
  readonly environment: Readonly<Record<string, string>>;
  /** More arguments for doctor only. */
  readonly more: readonly string[];
}

/**
 * A healthy cluster on a real etcd and a real S3, and makers of setups that differ from it in one way.
 * The metadata store has seen some writes, so that a restored backup can be older.
 */
export class FaultLab implements AsyncDisposable {
  readonly folder: string;
  readonly healthy: Setup;
  readonly #etcd: EtcdServers;
  readonly #s3: S3Server;
  readonly #stack = new AsyncDisposableStack();

  private constructor(folder: string, servers: { etcd: EtcdServers; s3: S3Server }, port: number) {
    this.folder = folder;
    this.#etcd = servers.etcd;
    this.#s3 = servers.s3;
    const { accessKeyId, secretAccessKey, endpoint } = servers.s3;
    this.healthy = {
      metadata: `etcd://${servers.etcd.endpoints[0]}/lab`,
      objects: this.objectsAt(endpoint),
      coordinator: `127.0.0.1:${port}`,
      data: join(folder, "data"),
      environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      more: [],
    };
  }

  static async start(): Promise<FaultLab> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-lab-"));
    const [etcd, s3] = await Promise.all([startEtcd(), startS3()]);
    const [port = 0] = await findPorts(1);
    const lab = new FaultLab(folder, { etcd, s3 }, port);
    await writeSome(lab.healthy.metadata, 60);
    await lab.startCoordinator(lab.healthy);
    return lab;
  }

  objectsAt(endpoint: string, bucket: string = this.#s3.bucket, prefix = "lab"): string {
    return `s3://${bucket}/${prefix}?endpoint=${encodeURIComponent(endpoint)}`;
  }

  /** Starts a coordinator; returns what ends it, when it listens. */
  async startCoordinator(setup: Setup, ...more: readonly string[]): Promise<() => Promise<void>> {
    const args = ["coordinator", "--bind", setup.coordinator, ...storeArgs(setup), ...more];
    const env = { ...process.env, ...setup.environment };
    const child = spawn(process.execPath, [main, ...args], { env });
    this.#stack.defer(() => killNow(child));
    child.stderr.resume();
    await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    if (child.exitCode !== null) throw new Error(`the coordinator ended with ${child.exitCode}`);
    return () => endNow(child);
  }

  /** Returns the healthy setup behind a proxy that spoils what S3 says. */
  async behind(fault: HttpFault): Promise<Setup> {
    const proxy = await startHttpFaultProxy(this.#s3.endpoint, fault);
    this.#stack.use(proxy);
    return { ...this.healthy, objects: this.objectsAt(proxy.endpoint) };
  }

  /** Returns new stores behind such a proxy: no cluster has used them. */
  async fresh(fault: HttpFault): Promise<Setup> {
    const proxy = await startHttpFaultProxy(this.#s3.endpoint, fault);
    this.#stack.use(proxy);
    const { metadata } = await this.ownEtcd();
    return { ...this.healthy, metadata, objects: this.objectsAt(proxy.endpoint, undefined, "new") };
  }

  /** Returns the names of all keys and objects of the healthy cluster. */
  async names(): Promise<readonly string[]> {
    await using store = await openStore(this.healthy.metadata);
    const { entries } = await store.list("");
    const { bucket, endpoint, region, accessKeyId, secretAccessKey } = this.#s3;
    const credentials = { accessKeyId, secretAccessKey };
    const place = { bucket, endpoint, region, credentials, prefix: "lab" };
    await using objects = createS3ObjectStore({ ...place, clock });
    const found = await objects.list("");
    return [...entries.map(({ key }) => key), ...found.map(({ name }) => name)];
  }

  /** A coordinator that wants tokens. */
  async guardedCoordinator(tokens: string): Promise<Setup> {
    const [port = 0] = await findPorts(1);
    const { metadata } = await this.ownEtcd();
    const coordinator = `127.0.0.1:${port}`;
    const objects = this.objectsAt(this.#s3.endpoint, this.#s3.bucket, "guarded");
    const setup = { ...this.healthy, metadata, objects, coordinator };
    await this.startCoordinator(setup, "--tokens", tokens);
    return setup;
  }

  /** Returns the healthy setup with an etcd of its own. */
  async ownEtcd(args: readonly string[] = []): Promise<Setup & { readonly endpoint: string }> {
    const etcd = await startEtcd({ args });
    this.#stack.use(etcd);
    const [endpoint = ""] = etcd.endpoints;
    return { ...this.healthy, metadata: `etcd://${endpoint}/lab`, endpoint };
  }

  /** An etcd whose only user is root with a password. */
  async lockedEtcd(): Promise<Setup> {
    const setup = await this.ownEtcd();
    const post = (path: string, body: object): Promise<void> => gateway(setup.endpoint, path, body);
    await post("auth/user/add", { name: "root", password: "right" });
    await post("auth/role/add", { name: "root" });
    await post("auth/user/grant", { user: "root", role: "root" });
    await post("auth/enable", {});
    const login = { MILLRACE_ETCD_USERNAME: "root", MILLRACE_ETCD_PASSWORD: "wrong" };
    return { ...setup, environment: { ...setup.environment, ...login } };
  }

  /** An etcd that has no room left. */
  async fullEtcd(): Promise<Setup> {
    const setup = await this.ownEtcd(["--quota-backend-bytes", "300000"]);
    await writeSome(setup.metadata, 20, "x".repeat(100_000)).catch(() => {});
    return setup;
  }

  /** The metadata of the healthy cluster as an early backup has them: its id, few revisions. */
  async restoredBackup(): Promise<Setup> {
    const setup = await this.ownEtcd();
    const key = createMetadataKeys("millrace/").cluster;
    await using source = await openStore(this.healthy.metadata);
    await using target = await openStore(setup.metadata);
    const value = (await source.get(key))?.value ?? "";
    await target.transact({ compares: [], writes: [{ kind: "put", key, value }] });
    return setup;
  }

  /** The metadata of a second cluster, which has led once elsewhere. */
  async otherCluster(): Promise<Setup> {
    const [port = 0] = await findPorts(1);
    const { metadata } = await this.ownEtcd();
    const coordinator = `127.0.0.1:${port}`;
    const objects = this.objectsAt(this.#s3.endpoint, this.#s3.bucket, "other");
    const stop = await this.startCoordinator({ ...this.healthy, metadata, objects, coordinator });
    await stop();
    return { ...this.healthy, metadata };
  }

  /** A cluster with a job, and stores of which one is not its own; its coordinator waits for workers. */
  async objectsElsewhere(): Promise<Setup> {
    const [port = 0] = await findPorts(1);
    const { metadata, endpoint } = await this.ownEtcd();
    const coordinator = `127.0.0.1:${port}`;
    const { bucket } = this.#s3;
    const own = this.objectsAt(this.#s3.endpoint, bucket, "with-a-job");
    const setup = { ...this.healthy, metadata, objects: own, coordinator };
    await this.startCoordinator(setup);
    const job = "packages/examples/src/word-count/word-count.ts";
    const run = await runMillrace("run", job, "--detach", "--coordinator", coordinator);
    if (run.exitCode !== 0) throw new Error(run.stderr);
    await copyKeys(metadata, `etcd://${endpoint}/copy`);
    const objects = this.objectsAt(this.#s3.endpoint, bucket, "elsewhere");
    return { ...setup, metadata: `etcd://${endpoint}/copy`, objects };
  }

  /** A coordinator that speaks TLS, and the folder of its authority. */
  async tlsCoordinator(): Promise<Setup & { readonly certs: string }> {
    const [port = 0] = await findPorts(1);
    const certs = join(this.folder, `certs-${port}`);
    await issueCertificates(certs);
    const { metadata } = await this.ownEtcd();
    const coordinator = `127.0.0.1:${port}`;
    const objects = this.objectsAt(this.#s3.endpoint, this.#s3.bucket, `tls-${port}`);
    const setup = { ...this.healthy, metadata, objects, coordinator };
    const files = ["--tls-ca", join(certs, "ca.pem")];
    const own = ["--tls-cert", join(certs, "c.pem"), "--tls-key", join(certs, "c-key.pem")];
    await this.startCoordinator(setup, ...files, ...own);
    return { ...setup, certs };
  }

  async otherAuthority(): Promise<string> {
    const certs = join(this.folder, "other-certs");
    await issueCertificates(certs);
    return join(certs, "ca.pem");
  }

  /** A path in which no folder can be made. */
  async blockedFolder(): Promise<string> {
    const file = join(this.folder, "a-file");
    await writeFile(file, "");
    return join(file, "data");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    await Promise.all([this.#etcd[Symbol.asyncDispose](), this.#s3[Symbol.asyncDispose]()]);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Returns the arguments that name the stores. */
export function storeArgs({ metadata, objects, data }: Setup): readonly string[] {
  return ["--metadata", metadata, "--objects", objects, "--data", data];
}

async function openStore(metadata: string) {
  const { host, pathname } = new URL(metadata);
  return openEtcdMetadataStore({ endpoints: [host], root: `${pathname.slice(1)}/`, clock });
}

async function writeSome(metadata: string, count: number, value = "x"): Promise<void> {
  await using store = await openStore(metadata);
  for (let index = 0; index < count; index += 1) {
    const key = `filler/${index}`;
    await store.transact({ compares: [], writes: [{ kind: "put", key, value }] });
  }
}

/** All but the election, so that a coordinator there leads. */
async function copyKeys(from: string, to: string): Promise<void> {
  await using source = await openStore(from);
  await using target = await openStore(to);
  const { entries } = await source.list("");
  for (const { key, value } of entries) {
    if (key.endsWith("/election")) continue;
    await target.transact({ compares: [], writes: [{ kind: "put", key, value }] });
  }
}

async function issueCertificates(folder: string): Promise<void> {
  const made = await runMillrace("certs", "init", "--cluster", "lab", "--folder", folder);
  const args = ["--role", "coordinator", "--name", "c", "--host", "127.0.0.1", "--folder", folder];
  const issued = await runMillrace("certs", "issue", ...args);
  if (made.exitCode !== 0 || issued.exitCode !== 0) throw new Error(made.stderr + issued.stderr);
}

async function gateway(endpoint: string, path: string, body: object): Promise<void> {
  const options = { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`http://${endpoint}/v3/${path}`, options);
  if (!response.ok) throw new Error(`etcd refused ${path}: ${await response.text()}`);
}

/** Asks it to end, so that it gives its lease back. */
async function endNow(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

async function killNow(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await Promise.race([exited, wait(5_000)]);
}
