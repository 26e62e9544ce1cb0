import { StreamError, type JsonValue } from "@millrace/core";

/** What a sink has prepared, with the origin that its transaction id is made of. */
export interface Committable {
  /** Of the job that prepared it, which need not be the one that publishes it. */
  readonly jobId: string;
  readonly subtaskIndex: number;
  readonly attempt: number;
  readonly checkpointId: bigint;
  readonly committable: JsonValue;
}

/** Returns the committable as an entry of list state. */
export function committableEntry(item: Committable): JsonValue {
  const { jobId, subtaskIndex, attempt, checkpointId, committable } = item;
  return { jobId, subtaskIndex, attempt, checkpointId: checkpointId.toString(), committable };
}

/**
 * Returns what committableEntry made; throws `state-incompatible` that names the operator. Entries of
 * older versions name no job: they are the restoring one's.
 */
export function parseCommittableEntry(
  entry: JsonValue,
  { jobId: ownJobId, operatorName }: { readonly jobId: string; readonly operatorName: string },
): Committable {
  const isObject = typeof entry === "object" && entry !== null;
  const fields = new Map<string, JsonValue>(isObject ? Object.entries(entry) : []);
  const jobId = fields.get("jobId") ?? ownJobId;
  const subtaskIndex = fields.get("subtaskIndex");
  const attempt = fields.get("attempt");
  const checkpointId = fields.get("checkpointId");
  const committable = fields.get("committable");
  const isId = typeof checkpointId === "string" && /^\d{1,20}$/.test(checkpointId);
  const isNumbered = typeof subtaskIndex === "number" && typeof attempt === "number";
  if (isId && isNumbered && typeof jobId === "string" && committable !== undefined) {
    return { jobId, subtaskIndex, attempt, checkpointId: BigInt(checkpointId), committable };
  }
  throw new StreamError(
    "state-incompatible",
    `sink ${operatorName}: an entry of its restored state is not a prepared transaction: restore with the version that wrote the checkpoint`,
    { domain: "internal", retry: "never" },
  );
}
