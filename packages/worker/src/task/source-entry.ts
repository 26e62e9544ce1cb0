import type { SplitRecord } from "@millrace/checkpoint";
import { StreamError, type JsonValue } from "@millrace/core";

/** What a source subtask stores of one split that it has. */
export interface SourceEntry {
  readonly split: SplitRecord;
  /** Absent: from its beginning. */
  readonly position?: JsonValue;
  /** Absent: none yet. */
  readonly watermarkMs?: number;
}

/** The subtask that had the split at the barrier. */
export interface EntryOwner {
  readonly subtaskIndex: number;
  readonly parallelism: number;
}

/** Returns the entry as plain JSON. */
export function encodeSourceEntry(entry: SourceEntry, owner: EntryOwner): JsonValue {
  const { split, position, watermarkMs } = entry;
  return {
    owner: { subtaskIndex: owner.subtaskIndex, parallelism: owner.parallelism },
    split: {
      id: split.id,
      descriptor: split.descriptor,
      ...(split.lowerBoundMs === undefined ? {} : { lowerBoundMs: split.lowerBoundMs }),
    },
    ...(position === undefined ? {} : { position }),
    ...(watermarkMs === undefined ? {} : { watermarkMs }),
  };
}

/**
 * Returns the entries that the subtask restores; over all subtasks each exactly once (S9). At the
 * same parallelism a split stays where it was: the watermarks that the subtasks behind it restore
 * hold only for their own splits. At another one entry i goes to subtask i mod parallelism, and the
 * subtasks behind restore the lowest watermark of their vertex.
 */
export function chooseEntries(
  entries: readonly JsonValue[],
  { subtaskIndex, parallelism }: EntryOwner,
): readonly JsonValue[] {
  const owners = entries.map((entry) => asFields(asFields(entry)?.["owner"]));
  if (owners.every((owner) => owner?.["parallelism"] === parallelism)) {
    return entries.filter((_, index) => owners[index]?.["subtaskIndex"] === subtaskIndex);
  }
  return entries.filter((_, index) => index % parallelism === subtaskIndex);
}

/** Returns the entry that the JSON is; throws `state-incompatible`. */
export function parseSourceEntry(json: JsonValue, operatorName: string): SourceEntry {
  const fields = asFields(json);
  const split = asFields(fields?.["split"]);
  const id = split?.["id"];
  const descriptor = split?.["descriptor"];
  if (fields === undefined || typeof id !== "string" || descriptor === undefined) {
    throw new StreamError(
      "state-incompatible",
      `the state of source ${operatorName} is not a list of splits; was the name that of another operator?`,
      { domain: "user", retry: "never" },
    );
  }
  const position = fields["position"];
  const watermarkMs = fields["watermarkMs"];
  const lowerBoundMs = split?.["lowerBoundMs"];
  return {
    split: { id, descriptor, ...(typeof lowerBoundMs === "number" ? { lowerBoundMs } : {}) },
    ...(position === undefined ? {} : { position }),
    ...(typeof watermarkMs === "number" ? { watermarkMs } : {}),
  };
}

type Fields = Readonly<Record<string, JsonValue>>;

function asFields(json: JsonValue | undefined): Fields | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- codec: neither array nor null
  return json as Fields;
}
