import { parseCommittedCheckpoint, type CommittedCheckpoint } from "@millrace/checkpoint";
import {
  parseAttempt,
  parseJobId,
  parseWorkerId,
  StreamError,
  streamErrorCodes,
  type Attempt,
  type FailureData,
  type JobId,
  type JsonValue,
  type WorkerId,
} from "@millrace/core";
import { z } from "zod";

import type { JobGoal } from "../job/job-states.ts";

/** What was submitted. */
export interface JobRecord {
  readonly jobId: JobId;
  readonly requestId: string;
  readonly jobName: string;
  /** Canonical JSON. */
  readonly planJson: string;
  readonly planSha256: string;
  readonly bundleSha256: string;
  readonly params: JsonValue;
  readonly environment: Readonly<Record<string, string>>;
  readonly parallelism?: number;
  /** What its attempts restore until it has a checkpoint of its own. */
  readonly restoreFrom?: RestoreFromRecord;
  readonly submittedAtMs: number;
}

/** A checkpoint of a job that had ended before. */
export interface RestoreFromRecord {
  readonly jobId: JobId;
  readonly checkpoint: CommittedCheckpoint;
}

/** The current attempt of a job. */
export interface AttemptRecord {
  readonly attempt: Attempt;
  /** Decides an unknown outcome of the transaction that wrote it (S3). */
  readonly nonce: string;
  /**
   * Checkpoint ids up to max(this, head) + `idReserve` may have been triggered; a later attempt
   * begins above, so that ids only grow although most triggers write nothing (S10).
   */
  readonly checkpointFloor: bigint;
  /** For vertices whose own is `default`; the first attempt decides it for all. */
  readonly parallelism: number;
  /**
   * By slot number, which the plan gives to each subtask: with it, the whole placement. A leader that comes
   * later finds here where the attempt runs.
   */
  readonly slots: readonly SlotRecord[];
  readonly raisedAtMs: number;
}

export interface SlotRecord {
  readonly workerId: WorkerId;
  readonly slotIndex: number;
  readonly dataAddress: string;
}

/** How many ids beyond max(floor, head) may be triggered before the floor must be raised. */
export const idReserve = 10n;

export interface GoalRecord {
  readonly goal: JobGoal;
  readonly nonce: string;
}

/** How a job ended. */
export interface ResultRecord {
  readonly outcome: "finished" | "stopped" | "cancelled" | "failed";
  readonly failure?: FailureData;
  readonly endedAtMs: number;
  readonly nonce: string;
}

const text = z.string();
// All that JSON.parse returns is JSON; `z.json()` would copy it, and lose fields named __proto__.
const json: z.ZodType<JsonValue> = z.custom<JsonValue>((value) => value !== undefined);
const jobRecordSchema = z.object({
  jobId: text.transform(parseJobId),
  requestId: text,
  jobName: text,
  planJson: text,
  planSha256: text,
  bundleSha256: text,
  params: json,
  environment: z.record(text, text),
  parallelism: z.number().exactOptional(),
  restoreFrom: z
    .object({
      jobId: text.transform(parseJobId),
      checkpoint: json.transform((pointer) => parseCommittedCheckpoint(JSON.stringify(pointer))),
    })
    .exactOptional(),
  submittedAtMs: z.number(),
});
const attemptSchema = z.object({
  attempt: z.number().transform(parseAttempt),
  nonce: text,
  checkpointFloor: text.regex(/^\d{1,20}$/).transform(BigInt),
  parallelism: z.number(),
  slots: z.array(
    z.object({
      workerId: text.transform(parseWorkerId),
      slotIndex: z.number(),
      dataAddress: text,
    }),
  ),
  raisedAtMs: z.number(),
});
const goalSchema = z.object({ goal: z.enum(["run", "stop", "drain", "cancel"]), nonce: text });
const failureSchema = z.object({
  code: z.enum(streamErrorCodes),
  message: text,
  domain: z.enum(["user", "external", "internal"]),
  location: z
    .object({
      subtask: text.exactOptional(),
      operator: text.exactOptional(),
      position: text.exactOptional(),
      channel: text.exactOptional(),
    })
    .exactOptional(),
  stack: text.exactOptional(),
});
const resultSchema = z.object({
  outcome: z.enum(["finished", "stopped", "cancelled", "failed"]),
  failure: failureSchema.exactOptional(),
  endedAtMs: z.number(),
  nonce: text,
});
const clusterSchema = z.object({ clusterId: text.min(1).max(64) });

/** Returns the record; throws `internal` naming the key if the value is none. */
export function parseJobRecord(key: string, value: string): JobRecord {
  return parse(jobRecordSchema, key, value);
}

/** Returns the record; throws `internal` naming the key if the value is none. */
export function parseAttemptRecord(key: string, value: string): AttemptRecord {
  return parse(attemptSchema, key, value);
}

/** Returns the record; throws `internal` naming the key if the value is none. */
export function parseGoalRecord(key: string, value: string): GoalRecord {
  return parse(goalSchema, key, value);
}

/** Returns the record; throws `internal` naming the key if the value is none. */
export function parseResultRecord(key: string, value: string): ResultRecord {
  return parse(resultSchema, key, value);
}

/** Returns the cluster's id; throws `internal` naming the key if the value is none. */
export function parseClusterId(key: string, value: string): string {
  return parse(clusterSchema, key, value).clusterId;
}

/** Returns a record as it stands in the metadata: JSON, bigint as decimal strings. */
export function encodeRecord(record: object): string {
  return JSON.stringify(record, (_name, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

function parse<Result>(schema: z.ZodType<Result>, key: string, value: string): Result {
  try {
    return schema.parse(JSON.parse(value));
  } catch (cause) {
    throw new StreamError(
      "internal",
      `metadata key ${key} does not hold what this version writes: ${String(cause)}`,
      { domain: "internal", retry: "never", cause },
    );
  }
}
