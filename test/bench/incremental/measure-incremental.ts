/**
 * What checkpoints upload while a known part of the keys changes between them, and what is left of
 * them in the bucket: a coordinator and two workers as processes, a real S3 server, sizes as the
 * server lists them.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { jobPrefix, parseObjectOwner } from "@millrace/checkpoint";
import { parseJobId } from "@millrace/core";
import { openSqliteMetadataStore } from "@millrace/metadata";
import { createNodeClock } from "@millrace/platform";
import { createS3ObjectStore, type ObjectStore } from "@millrace/storage";

import {
  verifyCheckpoints,
  type CheckpointVerdict,
} from "../../chaos/verify/verify-checkpoints.ts";
import { RealCluster } from "../../e2e/real-cluster.ts";
import { startS3, type S3Server } from "../../servers/s3.ts";

export interface IncrementalOptions {
  readonly accounts: number;
  readonly changing: number;
  readonly checkpointCount: number;
  readonly checkpointMs: number;
  readonly onProgress?: (text: string) => void;
}

export interface IncrementalReport {
  /** Of the full checkpoint that the job was stopped with: its own objects, manifest included. */
  readonly fullBytes: number;
  /** Of each checkpoint behind the load, in their order. */
  readonly uploadedBytes: readonly number[];
  /** Objects under the job's prefix at most, while it ran. */
  readonly mostObjects: number;
  /** After the job was stopped and its garbage collected. */
  readonly verdict: CheckpointVerdict;
}

const workers = 2;
const gcPeriodMs = 2_000;
const prefix = "incremental";

/** Returns what was measured. Throws if the job ends or stands still. */
export async function measureIncremental(options: IncrementalOptions): Promise<IncrementalReport> {
  await using s3 = await startS3();
  const { accessKeyId, bucket, endpoint, secretAccessKey } = s3;
  await using cluster = await RealCluster.start({
    workerCount: workers,
    slotsPerWorker: 1,
    objects: `s3://${bucket}/${prefix}?endpoint=${endpoint}`,
    environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    coordinatorArgs: ["--gc-period", String(gcPeriodMs)],
  });
  await using objects = openObjects(s3);
  const jobId = await submit(cluster, options);
  const sizes = new UploadSizes(objects, jobId);
  await sizes.until(options.checkpointCount, options.onProgress ?? (() => {}));
  await cluster.command("stop", jobId);
  await sizes.look();
  const verdict = await settle(cluster, objects, jobId);
  return { ...sizes.report(options.checkpointCount), verdict };
}

function openObjects({ accessKeyId, bucket, endpoint, secretAccessKey }: S3Server): ObjectStore {
  const credentials = { accessKeyId, secretAccessKey };
  return createS3ObjectStore({ clock: createNodeClock(), bucket, endpoint, prefix, credentials });
}

async function submit(cluster: RealCluster, options: IncrementalOptions): Promise<string> {
  const { accounts, changing, checkpointMs } = options;
  const params = [
    `accounts=${accounts}`,
    `changing=${changing}`,
    `splits=${workers}`,
    `checkpointMs=${checkpointMs}`,
    `out=${join(cluster.folder, "out")}`,
  ];
  const answer = await cluster.command(
    "run",
    "test/bench/incremental/changing-accounts.ts",
    "--detach",
    "--parallelism",
    String(workers),
    ...params.flatMap((param) => ["--param", param]),
  );
  if (typeof answer === "object" && answer !== null && "jobId" in answer) {
    return String(answer.jobId);
  }
  throw new Error(`the job was not submitted: ${JSON.stringify(answer)}`);
}

/** Looks into the bucket again and again and keeps the size of everything that was ever there. */
class UploadSizes {
  readonly #objects: ObjectStore;
  readonly #prefix: string;
  /** By object. */
  readonly #sizes = new Map<string, number>();
  #mostObjects = 0;

  constructor(objects: ObjectStore, jobId: string) {
    this.#objects = objects;
    this.#prefix = jobPrefix(parseJobId(jobId));
  }

  /** Returns after so many checkpoints behind the load. */
  async until(checkpointCount: number, onProgress: (text: string) => void): Promise<void> {
    let lastCount = 0;
    let lastChangeMs = performance.now();
    for (;;) {
      const objectCount = await this.look();
      const whole = this.#whole();
      if (whole.length !== lastCount) {
        onProgress(`${whole.length} checkpoints, ${objectCount} objects, ${whole.at(-1)} bytes`);
        lastChangeMs = performance.now();
      }
      lastCount = whole.length;
      if (whole.length >= checkpointCount + firstIncremental(whole)) return;
      if (performance.now() - lastChangeMs > 120_000)
        throw new Error("no checkpoint for 2 minutes");
      await delay(100);
    }
  }

  /** Returns how many objects there are. */
  async look(): Promise<number> {
    const found = await this.#objects.list(this.#prefix);
    for (const { name, sizeBytes } of found) this.#sizes.set(name, sizeBytes);
    this.#mostObjects = Math.max(this.#mostObjects, found.length);
    return found.length;
  }

  report(checkpointCount: number): Omit<IncrementalReport, "verdict"> {
    const whole = this.#whole();
    const first = firstIncremental(whole);
    return {
      fullBytes: whole.at(-1) ?? 0,
      uploadedBytes: whole.slice(first, first + checkpointCount),
      mostObjects: this.#mostObjects,
    };
  }

  /** Bytes of the checkpoints with a manifest, in order of their ids. */
  #whole(): readonly number[] {
    const byId = new Map<number, { bytes: number; isCommitted: boolean }>();
    for (const [name, sizeBytes] of this.#sizes) {
      const id = Number(parseObjectOwner(name).checkpointId);
      const before = byId.get(id) ?? { bytes: 0, isCommitted: false };
      byId.set(id, {
        bytes: before.bytes + sizeBytes,
        isCommitted: before.isCommitted || name.includes("/manifest-"),
      });
    }
    return [...byId]
      .toSorted(([left], [right]) => left - right)
      .filter(([, { isCommitted }]) => isCommitted)
      .map(([, { bytes }]) => bytes);
  }
}

/**
 * The load takes several checkpoints: behind it come three in a row below a tenth of the largest. The
 * first of them may still hold the end of the load.
 */
function firstIncremental(bytes: readonly number[]): number {
  const largest = Math.max(...bytes);
  const isSmall = (index: number): boolean => (bytes[index] ?? Infinity) < largest / 10;
  const first = bytes.findIndex((_, index) => [0, 1, 2].every((step) => isSmall(index + step)));
  return first === -1 ? Infinity : first + 1;
}

/** Waits until garbage collection finds nothing more, a few periods at most. */
async function settle(
  cluster: RealCluster,
  objects: ObjectStore,
  jobId: string,
): Promise<CheckpointVerdict> {
  const file = join(cluster.folder, "data/metadata.sqlite");
  await using metadata = openSqliteMetadataStore(file, createNodeClock());
  for (let tries = 0; ; tries += 1) {
    const verdict = await verifyCheckpoints({ metadata, objects }, jobId);
    if (verdict.orphans.length === 0 || tries === 5) return verdict;
    await delay(gcPeriodMs);
  }
}
