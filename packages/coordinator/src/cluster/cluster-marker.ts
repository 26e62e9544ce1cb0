/**
 * Marks an object store as the one of a cluster, at a revision of its metadata: objects
 * `cluster/<cluster id>/<revision>.json`, each written once. They tell what the metadata alone
 * cannot: that two clusters share a prefix, and that the metadata was set back behind its objects.
 *
 * I1 A leader marks the store before it takes a job up, and now and then while it leads.
 * I2 A leader that finds another cluster's mark refuses to lead. It looks again after it has left its
 *    own, so that of two clusters that begin at once at least one sees the other.
 * I3 A leader that knows jobs and finds no mark of its cluster refuses to lead: the store is another
 *    one, and jobs would fail for objects that are safe elsewhere.
 * I4 A leader whose metadata is older than its cluster's newest mark refuses to lead (F33).
 * I5 A full store does not keep a leader from leading: somebody has to cancel jobs.
 * I6 Names are never used twice, and a mark is removed only when newer ones are there: a deposed leader
 *    that still writes or removes changes nothing of this.
 */
import {
  retry,
  StreamError,
  type Clock,
  type Logger,
  type RetryPolicy,
  type RetryPorts,
  type StreamErrorCode,
} from "@millrace/core";
import type { ObjectStore } from "@millrace/storage";

export interface ClusterMark {
  readonly clusterId: string;
  /** Of the metadata store, when the mark was made. */
  readonly revision: bigint;
  readonly name: string;
}

/** A cluster and a moment of its metadata. */
export interface ClusterMoment {
  readonly clusterId: string;
  readonly revision: bigint;
}

export interface ClusterMarkPorts {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retryPorts: RetryPorts;
  readonly signal: AbortSignal;
}

const prefix = "cluster/";
const namePattern = /^cluster\/([^/]+)\/(\d+)\.json$/;
/** The newest, and one more in case that one is not listed yet. */
const keptMarkCount = 2;
/** A store that is away is waited for: nothing could be committed without it. */
const policy: RetryPolicy = { initialDelayMs: 100, maxDelayMs: 5_000 };

/** Returns the marks in the store, those of other clusters too, by name. Throws what the store throws. */
export async function readClusterMarks(objects: ObjectStore): Promise<readonly ClusterMark[]> {
  const found = await objects.list(prefix);
  return found.flatMap(({ name }) => {
    const [, clusterId, revision] = namePattern.exec(name) ?? [];
    if (clusterId === undefined || revision === undefined) return [];
    return [{ clusterId, revision: BigInt(revision), name }];
  });
}

/** Returns what is wrong with the marks for a leader of this cluster at this revision. */
export function judgeClusterMarks(
  marks: readonly ClusterMark[],
  now: ClusterMoment,
): StreamError | undefined {
  const foreign = marks.find(({ clusterId }) => clusterId !== now.clusterId);
  if (foreign !== undefined) return clusterMismatch(now.clusterId, foreign);
  const newest = newestOf(marks);
  return newest === undefined || newest < now.revision ? undefined : metadataRegressed(now, newest);
}

/** What claiming the store showed. */
export interface ObjectsClaim {
  /** The store had no mark of this cluster before. */
  readonly isFirst: boolean;
  /** Absent: there was no room for a mark. */
  readonly markName?: string;
}

/**
 * Marks the store for a new leader. Throws `cluster-mismatch` or `metadata-regressed` (nothing else
 * was changed then), or what the store refuses for good, such as `access-denied`.
 */
export async function claimObjects(
  ports: ClusterMarkPorts,
  now: ClusterMoment,
): Promise<ObjectsClaim> {
  const { objects } = ports;
  const before = await patiently(ports, () => readClusterMarks(objects));
  const wrong = judgeClusterMarks(before, now);
  if (wrong !== undefined) throw wrong;
  const isFirst = before.length === 0;
  const name = await leaveMark(ports, now);
  if (name === undefined) return { isFirst };
  const after = await patiently(ports, () => readClusterMarks(objects));
  const foreign = after.find(({ clusterId }) => clusterId !== now.clusterId);
  if (foreign === undefined) {
    await removeOld(ports, after);
    return { isFirst, markName: name };
  }
  // Both may get here: then neither leaves anything, and whoever starts again first has it.
  if (isFirst) await patiently(ports, () => objects.remove([name]));
  throw clusterMismatch(now.clusterId, foreign);
}

/**
 * Throws `cluster-mismatch` if the store was without a mark although the cluster has jobs; the mark
 * is taken away again.
 */
export async function checkClaim(
  ports: ClusterMarkPorts,
  claim: ObjectsClaim,
  cluster: { readonly clusterId: string; readonly jobCount: number },
): Promise<void> {
  const { clusterId, jobCount } = cluster;
  const { isFirst, markName } = claim;
  if (!isFirst || jobCount === 0) return;
  if (markName !== undefined) await patiently(ports, () => ports.objects.remove([markName]));
  throw objectsElsewhere(clusterId, jobCount);
}

/** Returns the error of a store that is not the one of the cluster's jobs. */
export function objectsElsewhere(clusterId: string, jobCount: number): StreamError {
  return refuse(
    "cluster-mismatch",
    `cluster ${clusterId} has ${jobCount} jobs, and this object store has no mark of it: it is not the ` +
      "store that its jobs use. Nothing was changed",
  );
}

/** Returns the mark's name; undefined if there is no room for it, which must not stop a leader. */
async function leaveMark(ports: ClusterMarkPorts, now: ClusterMoment): Promise<string | undefined> {
  try {
    return await patiently(ports, () => putMark(ports, now));
  } catch (caught) {
    if (!StreamError.is(caught, "out-of-space")) throw caught;
    const { code, message } = caught;
    ports.logger.log("error", "the object store has no room", { code, cause: message });
    return undefined;
  }
}

/** Marks the store again if the metadata moved on; throws what the store throws. */
export async function renewClusterMark(ports: ClusterMarkPorts, now: ClusterMoment): Promise<void> {
  const marks = await readClusterMarks(ports.objects);
  const own = marks.filter(({ clusterId }) => clusterId === now.clusterId);
  if ((newestOf(own) ?? -1n) >= now.revision) return;
  const name = await putMark(ports, now);
  await removeOld(ports, [...own, { ...now, name }]);
}

async function putMark({ objects, clock, signal }: ClusterMarkPorts, now: ClusterMoment) {
  const { clusterId, revision } = now;
  const name = `${prefix}${clusterId}/${String(revision).padStart(20, "0")}.json`;
  const writtenAt = new Date(clock.wallMs()).toISOString();
  const content = { clusterId, metadataRevision: String(revision), writtenAt };
  await objects.put(name, [new TextEncoder().encode(JSON.stringify(content))], signal);
  return name;
}

async function removeOld(
  { objects, logger }: ClusterMarkPorts,
  marks: readonly ClusterMark[],
): Promise<void> {
  const old = marks.toSorted((a, b) => (a.revision < b.revision ? 1 : -1)).slice(keptMarkCount);
  if (old.length === 0) return;
  try {
    await objects.remove(old.map(({ name }) => name));
  } catch (caught) {
    // The next renewal takes them along.
    const cause = StreamError.from(caught).message;
    logger.log("warn", "old marks of the cluster are left", { cause });
  }
}

function patiently<Result>(
  { logger, retryPorts, signal }: ClusterMarkPorts,
  operation: () => Promise<Result>,
): Promise<Result> {
  const onRetry = ({ code, message }: StreamError, delayMs: number): void => {
    const fields = { code, cause: message, retryMs: Math.round(delayMs) };
    logger.log("warn", "waits for the object store", fields);
  };
  return retry(operation, policy, { ...retryPorts, onRetry }, signal);
}

function newestOf(marks: readonly ClusterMark[]): bigint | undefined {
  const revisions = marks.map(({ revision }) => revision);
  return revisions.reduce<bigint | undefined>(
    (newest, revision) => (newest === undefined || revision > newest ? revision : newest),
    undefined,
  );
}

function clusterMismatch(clusterId: string, { clusterId: other, name }: ClusterMark): StreamError {
  return refuse(
    "cluster-mismatch",
    `this cluster is ${clusterId}, and its object store belongs to cluster ${other} (object ${name}): ` +
      "two clusters share a prefix, or the metadata was lost and made anew. Nothing was changed",
  );
}

function metadataRegressed({ clusterId, revision }: ClusterMoment, newest: bigint): StreamError {
  return refuse(
    "metadata-regressed",
    `the metadata of cluster ${clusterId} is at revision ${revision}, and its objects were written at ` +
      `revision ${newest}: the metadata store was set back to an older backup. Nothing was changed`,
  );
}

function refuse(code: StreamErrorCode, message: string): StreamError {
  return new StreamError(code, message, { domain: "external", retry: "never" });
}
