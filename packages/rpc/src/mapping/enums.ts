import type { CheckpointKind } from "@millrace/checkpoint";
import { StreamError } from "@millrace/core";

import {
  BarrierMode,
  BlockKind,
  BlockRole,
  CheckpointKind as WireCheckpointKind,
} from "../gen/millrace/v1/checkpoint.ts";
import { BreakerState, FailureDomain, LogLevel } from "../gen/millrace/v1/common.ts";
import { JobState as WireJobState } from "../gen/millrace/v1/job.ts";
import type { JobState } from "../job-calls.ts";
import type { AsyncMetrics, LogLine } from "../session-messages.ts";

/** Our word for each number of an enum on the wire, both ways. */
export interface EnumMapping<Word extends string, Wire extends number> {
  toWire(word: Word): Wire;
  /** Throws `invalid-argument` for a number that has no word. */
  fromWire(wire: Wire): Word;
}

function mapEnum<Word extends string, Wire extends number>(
  what: string,
  words: Readonly<Record<Word, Wire>>,
): EnumMapping<Word, Wire> {
  const byWire = new Map<Wire, Word>();
  for (const word in words) byWire.set(words[word], word);
  return {
    toWire: (word) => words[word],
    fromWire(wire) {
      const word = byWire.get(wire);
      if (word === undefined) throw invalidMessage(`${what} ${wire} is not known`);
      return word;
    },
  };
}

/** Returns the error of a message that does not say what it must. */
export function invalidMessage(message: string): StreamError {
  return new StreamError("invalid-argument", message, { domain: "external", retry: "never" });
}

export const breakerStates: EnumMapping<
  NonNullable<AsyncMetrics["breaker"]>,
  BreakerState
> = mapEnum("breaker state", {
  closed: BreakerState.BREAKER_STATE_CLOSED,
  open: BreakerState.BREAKER_STATE_OPEN,
  "half-open": BreakerState.BREAKER_STATE_HALF_OPEN,
});

export const barrierModes: EnumMapping<"full" | "delta", BarrierMode> = mapEnum("barrier mode", {
  full: BarrierMode.BARRIER_MODE_FULL,
  delta: BarrierMode.BARRIER_MODE_DELTA,
});

export const blockKinds: EnumMapping<"keyed" | "list", BlockKind> = mapEnum("block kind", {
  keyed: BlockKind.BLOCK_KIND_KEYED,
  list: BlockKind.BLOCK_KIND_LIST,
});

export const blockRoles: EnumMapping<"base" | "delta", BlockRole> = mapEnum("block role", {
  base: BlockRole.BLOCK_ROLE_BASE,
  delta: BlockRole.BLOCK_ROLE_DELTA,
});

export const checkpointKinds: EnumMapping<CheckpointKind, WireCheckpointKind> = mapEnum(
  "checkpoint kind",
  {
    checkpoint: WireCheckpointKind.CHECKPOINT_KIND_CHECKPOINT,
    savepoint: WireCheckpointKind.CHECKPOINT_KIND_SAVEPOINT,
    final: WireCheckpointKind.CHECKPOINT_KIND_FINAL,
  },
);

export const failureDomains: EnumMapping<"user" | "external" | "internal", FailureDomain> = mapEnum(
  "failure domain",
  {
    user: FailureDomain.FAILURE_DOMAIN_USER,
    external: FailureDomain.FAILURE_DOMAIN_EXTERNAL,
    internal: FailureDomain.FAILURE_DOMAIN_INTERNAL,
  },
);

export const logLevels: EnumMapping<LogLine["level"], LogLevel> = mapEnum("log level", {
  info: LogLevel.LOG_LEVEL_INFO,
  warn: LogLevel.LOG_LEVEL_WARN,
  error: LogLevel.LOG_LEVEL_ERROR,
  print: LogLevel.LOG_LEVEL_PRINT,
});

export const jobStateNumbers: EnumMapping<JobState, WireJobState> = mapEnum("job state", {
  created: WireJobState.JOB_STATE_CREATED,
  "waiting-for-slots": WireJobState.JOB_STATE_WAITING_FOR_SLOTS,
  deploying: WireJobState.JOB_STATE_DEPLOYING,
  running: WireJobState.JOB_STATE_RUNNING,
  restarting: WireJobState.JOB_STATE_RESTARTING,
  finishing: WireJobState.JOB_STATE_FINISHING,
  stopping: WireJobState.JOB_STATE_STOPPING,
  finished: WireJobState.JOB_STATE_FINISHED,
  stopped: WireJobState.JOB_STATE_STOPPED,
  failed: WireJobState.JOB_STATE_FAILED,
  cancelled: WireJobState.JOB_STATE_CANCELLED,
});
