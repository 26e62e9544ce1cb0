import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { silentLogger, StreamError, type Clock, type Logger } from "@millrace/core";
import {
  openEtcdMetadataStore,
  openSqliteMetadataStore,
  type EtcdConnection,
  type EtcdTls,
  type MetadataStore,
} from "@millrace/metadata";
import { createNodeClock, createNodeRandom } from "@millrace/platform";
import {
  createRetryingObjectStore,
  createS3ObjectStore,
  openFileObjectStore,
  parseObjectStoreUrl,
  type ObjectStore,
  type S3Place,
} from "@millrace/storage";

import { parseMetadataUrl } from "./metadata-url.ts";

/** A large object takes longer than a small one: the S3 store has a deadline for each request. */
const s3TryTimeoutMs = 120_000;

/**
 * Returns the object store of a URL, `file:<folder>` or `s3://bucket[/prefix][?...]`, or of a data
 * folder. Throws `invalid-argument`, `folder-not-writable`, and what S3 refuses for good, such as
 * `access-denied` and `bucket-not-found`; a store that is away for now is logged, and waited for
 * at each call.
 */
export async function openObjects(
  place: string,
  logger: Logger = silentLogger,
): Promise<ObjectStore> {
  if (!isUrl(place)) {
    await makeDataFolder(place);
    return openFileObjectStore(join(resolve(place), "objects"));
  }
  const url = parseObjectStoreUrl(place);
  return url.kind === "file"
    ? openFileObjectStore(resolve(url.path))
    : openS3Objects(url.place, logger);
}

/** A path with a colon in it is still a folder, as `./a:b`. */
function isUrl(place: string): boolean {
  return /^[a-z][a-z0-9]+:/.test(place);
}

async function openS3Objects(place: S3Place, logger: Logger): Promise<ObjectStore> {
  const clock = createNodeClock();
  const region = place.region ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"];
  const s3 = createS3ObjectStore({ ...place, ...(region === undefined ? {} : { region }), clock });
  try {
    await s3.list("probe/");
  } catch (caught) {
    const error = StreamError.from(caught);
    if (error.retry === "never") {
      await s3[Symbol.asyncDispose]();
      throw caught;
    }
    const { code, message } = error;
    logger.log("warn", "waits for the object store", { code, cause: message });
  }
  return createRetryingObjectStore(s3, {
    clock,
    random: createNodeRandom(),
    tryTimeoutMs: s3TryTimeoutMs,
  });
}

/** Where the metadata are, as an operator says it. */
export interface MetadataPlace {
  /** For what has no place of its own. */
  readonly dataFolder: string;
  /** See `parseMetadataUrl`; absent: a SQLite file in the data folder. */
  readonly metadata?: string;
  /** PEM files for `etcds://`: whom to believe, and who this process is. */
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
  /** Name and password come from the environment only. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Returns the metadata store; nothing is connected yet. Throws `invalid-argument`,
 * `folder-not-writable`, `input-unreadable` for certificates.
 */
export async function openMetadata(place: MetadataPlace, clock: Clock): Promise<MetadataStore> {
  const { dataFolder, metadata = `sqlite:${join(resolve(dataFolder), "metadata.sqlite")}` } = place;
  const url = parseMetadataUrl(metadata);
  if (url.kind === "sqlite") {
    await makeDataFolder(dirname(resolve(url.path)));
    return openSqliteMetadataStore(resolve(url.path), clock);
  }
  const { endpoints, root } = url;
  const tls = url.isTls ? { tls: await readEtcdTls(place) } : {};
  return openEtcdMetadataStore({ endpoints, root, clock, ...tls, ...etcdUser(place.environment) });
}

async function readEtcdTls({ etcdCa, etcdCert, etcdKey }: MetadataPlace): Promise<EtcdTls> {
  if (etcdCa === undefined) {
    const message = "etcds:// needs --etcd-ca: the certificate of the authority to believe";
    throw new StreamError("invalid-argument", message, { domain: "user", retry: "never" });
  }
  return {
    ca: await readPem(etcdCa),
    ...(etcdCert === undefined ? {} : { certificate: await readPem(etcdCert) }),
    ...(etcdKey === undefined ? {} : { key: await readPem(etcdKey) }),
  };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StreamError("input-unreadable", `${path} cannot be read (${reason})`, {
      domain: "user",
      retry: "never",
      cause,
    });
  }
}

function etcdUser(environment: MetadataPlace["environment"]): Pick<EtcdConnection, "user"> {
  const name = environment["MILLRACE_ETCD_USERNAME"];
  const password = environment["MILLRACE_ETCD_PASSWORD"];
  return name === undefined || password === undefined ? {} : { user: { name, password } };
}

async function makeDataFolder(dataFolder: string): Promise<void> {
  try {
    await mkdir(dataFolder, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StreamError(
      "folder-not-writable",
      `the data folder ${resolve(dataFolder)} cannot be made (${reason})`,
      { domain: "user", retry: "never", cause },
    );
  }
}
