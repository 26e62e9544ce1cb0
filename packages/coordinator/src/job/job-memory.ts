import { parseCommittedCheckpoint, type CommittedCheckpoint } from "@millrace/checkpoint";
import { parseJobGraph, type JobGraph } from "@millrace/graph";
import type { MetadataEntry } from "@millrace/metadata";

import {
  parseAttemptRecord,
  parseGoalRecord,
  parseJobRecord,
  parseResultRecord,
  type AttemptRecord,
  type JobRecord,
  type ResultRecord,
} from "../metadata/job-records.ts";
import type { JobKeys } from "../metadata/keys.ts";
import type { JobGoal } from "./job-states.ts";

/** A value in the metadata store and the revision that a fenced transaction compares. */
interface Versioned<Value> {
  readonly value: Value;
  readonly revision: bigint;
}

/** A job's part of the metadata store, as of one revision. */
export interface JobSnapshot {
  readonly attempt?: Versioned<AttemptRecord>;
  readonly head?: Versioned<CommittedCheckpoint>;
  /** Retained, oldest first. */
  readonly checkpoints: readonly CommittedCheckpoint[];
  readonly goal: JobGoal;
  /** 0n: nothing was asked for yet. */
  readonly goalRevision: bigint;
  readonly result?: ResultRecord;
  readonly pinKeys: readonly string[];
  /** What a restore reads. */
  readonly pins: readonly CommittedCheckpoint[];
}

/**
 * What a coordinator knows of a job's part of the metadata. It alone changes that part while it
 * leads, so this is as good as the store, and every transaction compares the revisions in it.
 */
export interface JobMemory {
  readonly record: JobRecord;
  readonly plan: JobGraph;
  readonly keys: JobKeys;
  snapshot: JobSnapshot;
}

/** Returns the job that the entries under its prefix describe, or undefined if there is no record. */
export function parseJob(keys: JobKeys, entries: readonly MetadataEntry[]): JobMemory | undefined {
  const record = entries.find(({ key }) => key === keys.record);
  if (record === undefined) return undefined;
  const parsed = parseJobRecord(record.key, record.value);
  return {
    record: parsed,
    plan: parseJobGraph(parsed.planJson),
    keys,
    snapshot: parseSnapshot(keys, entries),
  };
}

/** Returns the changing part of what the entries describe. */
export function parseSnapshot(keys: JobKeys, entries: readonly MetadataEntry[]): JobSnapshot {
  const byKey = new Map(entries.map((entry) => [entry.key, entry]));
  const attempt = byKey.get(keys.attempt);
  const head = byKey.get(keys.head);
  const goal = byKey.get(keys.state);
  const result = byKey.get(keys.result);
  const checkpoints = entries
    .filter(({ key }) => key.startsWith(keys.checkpoints))
    .map(({ value }) => parseCommittedCheckpoint(value));
  const pins = entries.filter(({ key }) => key.startsWith(keys.pins));
  return {
    ...(attempt === undefined
      ? {}
      : {
          attempt: {
            value: parseAttemptRecord(attempt.key, attempt.value),
            revision: attempt.modRevision,
          },
        }),
    ...(head === undefined
      ? {}
      : { head: { value: parseCommittedCheckpoint(head.value), revision: head.modRevision } }),
    checkpoints,
    goal: goal === undefined ? "run" : parseGoalRecord(goal.key, goal.value).goal,
    goalRevision: goal?.modRevision ?? 0n,
    ...(result === undefined ? {} : { result: parseResultRecord(result.key, result.value) }),
    pinKeys: pins.map(({ key }) => key),
    pins: pins.map(({ value }) => parseCommittedCheckpoint(value)),
  };
}
