import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import {
  openEtcdMetadataStore,
  openSqliteMetadataStore,
  type MetadataStore,
} from "@millrace/metadata";
import { createNodeClock } from "@millrace/platform";
import { createS3ObjectStore, openFileObjectStore, type ObjectStore } from "@millrace/storage";

import { startEtcd, type EtcdServers } from "../../servers/etcd.ts";
import { startS3, type S3Server } from "../../servers/s3.ts";
import { startTcpProxy, type TcpProxy } from "../proxy/tcp-proxy.ts";

/** Where a cluster keeps its metadata and objects: the servers, and how a process finds them. */
export interface ClusterStores extends AsyncDisposable {
  readonly kind: StoresKind;
  /** Of all processes. */
  readonly environment: Readonly<Record<string, string>>;
  readonly s3?: S3Server;
  readonly etcd?: EtcdServers;
  /** Returns the arguments of one process, and the links to its stores. */
  connect(process: { readonly name: string; readonly isCoordinator: boolean }): Promise<StoreLinks>;
  /** Past all proxies; read only. */
  openMetadata(): Promise<MetadataStore>;
  openObjects(): Promise<ObjectStore>;
}

/** `embedded`: SQLite and a folder; `production`: three nodes of etcd and an S3 server. */
export type StoresKind = "embedded" | "production";

interface StoreLinks {
  readonly args: readonly string[];
  readonly s3: readonly TcpProxy[];
  readonly etcd: readonly TcpProxy[];
}

/** Returns the stores, running; their data are below the folder or gone with them. */
export function startStores(kind: StoresKind, folder: string): Promise<ClusterStores> {
  return kind === "embedded" ? openEmbedded(folder) : startProduction(folder);
}

async function openEmbedded(folder: string): Promise<ClusterStores> {
  const data = join(folder, "data");
  await mkdir(data, { recursive: true });
  return {
    kind: "embedded",
    environment: {},
    connect: () => Promise.resolve({ args: ["--data", data], s3: [], etcd: [] }),
    openMetadata: async () =>
      openSqliteMetadataStore(join(data, "metadata.sqlite"), createNodeClock()),
    openObjects: () => openFileObjectStore(join(data, "objects")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const prefix = "chaos";

async function startProduction(folder: string): Promise<ClusterStores> {
  await using opened = new AsyncDisposableStack();
  const etcd = opened.use(await startEtcd({ members: 3 }));
  const s3 = opened.use(await startS3());
  const { bucket, accessKeyId, secretAccessKey, endpoint } = s3;
  const proxies = opened.use(new AsyncDisposableStack());
  const openProxy = async (target: string): Promise<TcpProxy> =>
    proxies.use(await startTcpProxy(target));
  const all = opened.move();
  return {
    kind: "production",
    environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    s3,
    etcd,
    connect: async ({ name, isCoordinator }) => {
      const toS3 = await openProxy(`127.0.0.1:${s3.port}`);
      const place = `endpoint=http://${toS3.address}&region=us-east-1&pathStyle=true`;
      const objects = `s3://${bucket}/${prefix}?${place}`;
      const shared = ["--data", join(folder, "cache", name), "--objects", objects];
      if (!isCoordinator) return { args: shared, s3: [toS3], etcd: [] };
      const toEtcd: TcpProxy[] = [];
      for (const member of etcd.endpoints) toEtcd.push(await openProxy(member));
      const members = toEtcd.map(({ address }) => address).join(",");
      const args = [...shared, "--metadata", `etcd://${members}/${prefix}`];
      return { args, s3: [toS3], etcd: toEtcd };
    },
    openMetadata: () =>
      openEtcdMetadataStore({ endpoints: etcd.endpoints, root: "", clock: createNodeClock() }),
    openObjects: () =>
      Promise.resolve(
        createS3ObjectStore({
          bucket,
          prefix,
          endpoint,
          credentials: { accessKeyId, secretAccessKey },
          clock: createNodeClock(),
        }),
      ),
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
}
