import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { installByApt, locateProgram } from "./locate-program.ts";
import { findPorts, ServerProcess } from "./server-process.ts";

export interface EtcdOptions {
  readonly members?: 1 | 3;
  /** More flags for each member, such as `--quota-backend-bytes`. */
  readonly args?: readonly string[];
}

/** One or three members of etcd on 127.0.0.1; their data are gone with them. */
export interface EtcdServers extends AsyncDisposable {
  /** `host:port` of each member, for clients. */
  readonly endpoints: readonly string[];
  /** kill -9. */
  kill(member: number): Promise<void>;
  /** Starts a killed member on its data; returns when the cluster answers through it. */
  restart(member: number): Promise<void>;
  pause(member: number): void;
  resume(member: number): void;
}

/** Returns the path of etcd: from the PATH, or installed by apt. Throws what to install. */
export function provideEtcd(): Promise<string> {
  return locateProgram({
    program: "etcd",
    install: () => installByApt("etcd-server", "etcd-client"),
    remedy:
      "install etcd 3.4 or newer (Debian: apt-get install etcd-server) and put it on the PATH",
  });
}

/** Returns a running etcd; installs it by apt where it is not on the PATH. */
export async function startEtcd({
  members = 1,
  args = [],
}: EtcdOptions = {}): Promise<EtcdServers> {
  const program = await provideEtcd();
  const folder = await mkdtemp(join(tmpdir(), "millrace-etcd-"));
  const ports = await findPorts(2 * members);
  const clientUrls = ports.slice(0, members).map(toUrl);
  const peerUrls = ports.slice(members).map(toUrl);
  const initialCluster = peerUrls.map((url, index) => `m${index}=${url}`).join(",");
  const processes = clientUrls.map((clientUrl, index) => {
    const peerUrl = peerUrls[index] ?? "";
    return new ServerProcess({
      program,
      args: [
        `--name=m${index}`,
        `--data-dir=${join(folder, `m${index}`)}`,
        `--listen-client-urls=${clientUrl}`,
        `--advertise-client-urls=${clientUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=${initialCluster}`,
        // Members on one busy machine are slow for no fault of theirs.
        "--heartbeat-interval=100",
        "--election-timeout=1000",
        "--logger=zap",
        "--log-level=error",
        ...args,
      ],
      isReady: () => isHealthy(clientUrl),
    });
  });
  const memberOf = (member: number): ServerProcess => {
    const found = processes[member];
    if (found === undefined) throw new Error(`etcd has no member ${member}`);
    return found;
  };
  for (const one of processes) await one.launch();
  for (const one of processes) await one.untilReady();
  return {
    endpoints: clientUrls.map((url) => url.slice("http://".length)),
    kill: (member) => memberOf(member).kill(),
    restart: (member) => memberOf(member).start(),
    pause: (member) => memberOf(member).pause(),
    resume: (member) => memberOf(member).resume(),
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map((one) => one[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function toUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** Whether the member has a leader. */
async function isHealthy(clientUrl: string): Promise<boolean> {
  const response = await fetch(`${clientUrl}/health`, { signal: AbortSignal.timeout(2_000) });
  return response.ok && (await response.text()).includes("true");
}
