import type { SplitRecord, WorkerCut } from "@millrace/checkpoint";
import {
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseVertexId,
  parseWorkerId,
  streamErrorCodes,
  subtaskIdOf,
  type AttemptRef,
  type Barrier,
  type CheckpointId,
  type FailureData,
  type JobId,
  type JsonValue,
  type SubtaskId,
  type VertexId,
  type WorkerId,
} from "@millrace/core";
import fc, { type Arbitrary } from "fast-check";

import type { AsyncMetrics, LogLine, SubtaskMetrics } from "../session-messages.ts";

const label = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
const maxUint64 = 2n ** 64n - 1n;

/** Anything that UTF-8 can carry. */
export const text: Arbitrary<string> = fc.string({ unit: "grapheme", maxLength: 30 });
export const uint32: Arbitrary<number> = fc.nat(2 ** 31 - 1);
export const count: Arbitrary<number> = fc.maxSafeNat();
/** Both infinities, but not -0: protobuf leaves it out as a default. */
export const ms: Arbitrary<number> = fc.double({ noNaN: true }).map((value) => value + 0);
export const isOr: Arbitrary<boolean> = fc.boolean();
export const json: Arbitrary<JsonValue> = fc
  .json({ maxDepth: 3 })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JSON.parse gives is JSON
  .map((source) => JSON.parse(JSON.stringify(JSON.parse(source))) as JsonValue);
export const environment: Arbitrary<Record<string, string>> = fc.dictionary(
  fc.stringMatching(/^[A-Z][A-Z_]{0,9}$/),
  text,
  { noNullPrototype: true },
);

export const jobId: Arbitrary<JobId> = label.map(parseJobId);
export const workerId: Arbitrary<WorkerId> = label.map(parseWorkerId);
export const vertexId: Arbitrary<VertexId> = fc
  .stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/)
  .map(parseVertexId);
export const subtaskId: Arbitrary<SubtaskId> = fc
  .tuple(vertexId, uint32)
  .map(([vertex, index]) => subtaskIdOf(vertex, index));
export const checkpointId: Arbitrary<CheckpointId> = fc
  .bigInt({ min: 1n, max: maxUint64 })
  .map(parseCheckpointId);
export const leaderEpoch: Arbitrary<AttemptRef["leaderEpoch"]> = fc
  .bigInt({ min: 1n, max: maxUint64 })
  .map(parseLeaderEpoch);
export const ref: Arbitrary<AttemptRef> = fc.record({
  jobId,
  leaderEpoch,
  attempt: fc.integer({ min: 1, max: 2 ** 31 }).map(parseAttempt),
});

/** Returns records of the fields, the optional ones there or absent. */
export function partly<Always extends object, Sometimes extends object>(
  always: { [Name in keyof Always]: Arbitrary<Always[Name]> },
  sometimes: { [Name in keyof Sometimes]: Arbitrary<Sometimes[Name]> },
): Arbitrary<Always & Partial<Sometimes>> {
  const both = fc.tuple(fc.record(always), fc.record(sometimes, { requiredKeys: [] }));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- records of just these fields
  return both.map(([some, more]) => ({ ...some, ...more })) as unknown as Arbitrary<
    Always & Partial<Sometimes>
  >;
}

export const failure: Arbitrary<FailureData> = partly(
  {
    code: fc.constantFrom(...streamErrorCodes),
    message: text,
    domain: fc.constantFrom("user" as const, "external" as const, "internal" as const),
  },
  {
    location: partly({}, { subtask: text, operator: text, position: text, channel: text }),
    stack: text,
  },
);

export const split: Arbitrary<SplitRecord> = partly(
  { id: text, descriptor: json },
  { lowerBoundMs: ms },
);

export const barrier: Arbitrary<Barrier> = partly(
  { checkpointId, mode: fc.constantFrom("full" as const, "delta" as const) },
  { base: checkpointId },
);

export const cut: Arbitrary<WorkerCut> = partly(
  {
    blocks: fc.array(
      fc.record({
        operator: text,
        kind: fc.constantFrom("keyed" as const, "list" as const),
        role: fc.constantFrom("base" as const, "delta" as const),
        groupStart: uint32,
        groupEnd: uint32,
        rawBytes: count,
      }),
    ),
    subtasks: fc.array(
      fc.record({ subtaskId, parallelism: uint32, watermarkMs: ms, isDrained: isOr }),
    ),
  },
  {
    segment: fc.record({
      name: text,
      lengthBytes: count,
      footerLength: count,
      footerSha256: text,
      ownerCheckpointId: checkpointId,
    }),
  },
);

export const logLine: Arbitrary<LogLine> = fc.record({
  atMs: ms,
  level: fc.constantFrom("info" as const, "warn" as const, "error" as const, "print" as const),
  source: text,
  text,
});

const asyncMetrics: Arbitrary<AsyncMetrics> = fc.record(
  {
    inFlight: count,
    capacity: count,
    retries: count,
    timeouts: count,
    notAsked: count,
    breaker: fc.constantFrom("closed", "open", "half-open"),
  },
  { requiredKeys: ["inFlight", "capacity", "retries", "timeouts", "notAsked"] },
);

export const metrics: Arbitrary<SubtaskMetrics> = fc.record(
  {
    subtaskId,
    recordsIn: count,
    recordsOut: count,
    recordsLate: count,
    busyMs: ms,
    idleMs: ms,
    backpressuredMs: ms,
    watermarkMs: ms,
    stateCells: count,
    async: asyncMetrics,
    alignedMs: ms,
  },
  {
    requiredKeys: [
      "subtaskId",
      "recordsIn",
      "recordsOut",
      "recordsLate",
      "busyMs",
      "idleMs",
      "backpressuredMs",
      "watermarkMs",
      "stateCells",
    ],
  },
);
