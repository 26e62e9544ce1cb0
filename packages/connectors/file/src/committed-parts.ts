import { assert, StreamError, type JsonValue } from "@millrace/core";

/** A staged file, and the folder below the job's that it is published into; none: the job's own. */
export interface CommittedPart {
  readonly part: string;
  readonly partition?: string;
}

const maxPartitionLength = 512;
/** Names, with slashes between; none begins with a dot, so that nothing leads up or into `.staging`. */
const partitionPattern = /^[^/.\0][^/\0]*(?:\/[^/.\0][^/\0]*)*$/;

/** Returns the partition if it names a folder; throws `record-not-encodable`. */
export function checkPartition(partition: unknown): string {
  if (
    typeof partition === "string" &&
    partition.length <= maxPartitionLength &&
    partitionPattern.test(partition)
  ) {
    return partition;
  }
  throw new StreamError(
    "record-not-encodable",
    `partitionBy returned ${JSON.stringify(partition)}: give names with "/" between, of at most ${maxPartitionLength} letters, that do not begin with a dot`,
    { domain: "user", retry: "never" },
  );
}

/** Returns what a transaction's committable holds; undefined if nothing was written. */
export function toCommittable(parts: readonly CommittedPart[]): JsonValue | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  // As before there were partitions.
  if (first.partition === undefined) return { part: first.part };
  return { parts: parts.map(({ part, partition = "" }) => ({ part, partition })) };
}

/** Returns what `toCommittable` made. */
export function parseCommittable(committable: JsonValue): readonly CommittedPart[] {
  const isObject = typeof committable === "object" && committable !== null;
  assert(isObject, "a committable of jsonLines is not an object");
  const fields = new Map<string, JsonValue>(Object.entries(committable));
  const part = fields.get("part");
  if (typeof part === "string") return [{ part }];
  const parts = fields.get("parts");
  assert(Array.isArray(parts), "a committable of jsonLines names no part");
  return parts.map((entry: unknown): CommittedPart => {
    assert(typeof entry === "object" && entry !== null, "a part of jsonLines is not an object");
    const named = new Map<string, unknown>(Object.entries(entry));
    const name = named.get("part");
    assert(typeof name === "string", "a part of jsonLines has no name");
    return { part: name, partition: checkPartition(named.get("partition")) };
  });
}
