import {
  parseAttempt,
  parseJobId,
  parseLeaderEpoch,
  parseSubtaskId,
  streamErrorCodes,
  type AttemptRef,
  type FailureData,
  type FailureLocation,
  type JsonValue,
} from "@millrace/core";

import type * as wire from "../gen/millrace/v1/common.ts";
import type { AsyncMetrics, LogLine, SubtaskMetrics } from "../session-messages.ts";
import { breakerStates, failureDomains, invalidMessage, logLevels } from "./enums.ts";

/** Returns the value; throws `invalid-argument` if the field is missing on the wire. */
export function required<Value>(value: Value | undefined, field: string): Value {
  if (value === undefined) throw invalidMessage(`field ${field} is missing`);
  return value;
}

/** Returns the JSON of a field; throws `invalid-argument` if it is none. */
export function parseJson(text: string, field: string): JsonValue {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON is what it parses
    return JSON.parse(text) as JsonValue;
  } catch {
    throw invalidMessage(`field ${field} is not JSON`);
  }
}

export function toRef(ref: AttemptRef): wire.AttemptRef {
  return { jobId: ref.jobId, leaderEpoch: ref.leaderEpoch, attempt: ref.attempt };
}

export function fromRef(ref: wire.AttemptRef | undefined): AttemptRef {
  const { jobId, leaderEpoch, attempt } = required(ref, "ref");
  return {
    jobId: parseJobId(jobId),
    leaderEpoch: parseLeaderEpoch(leaderEpoch),
    attempt: parseAttempt(attempt),
  };
}

export function toFailure(failure: FailureData): wire.Failure {
  const { code, message, domain, location, stack } = failure;
  return { code, message, domain: failureDomains.toWire(domain), location, stack };
}

export function fromFailure(failure: wire.Failure | undefined): FailureData {
  const { code, message, domain, location, stack } = required(failure, "failure");
  const known = streamErrorCodes.find((one) => one === code);
  return {
    // A newer peer may know codes that we do not: why it failed must reach the user all the same.
    code: known ?? "internal",
    message: known === undefined ? `${code}: ${message}` : message,
    domain: failureDomains.fromWire(domain),
    ...(location === undefined ? {} : { location: fromLocation(location) }),
    ...(stack === undefined ? {} : { stack }),
  };
}

function fromLocation(location: wire.FailureLocation): FailureLocation {
  const { subtask, operator, position, channel } = location;
  return {
    ...(subtask === undefined ? {} : { subtask }),
    ...(operator === undefined ? {} : { operator }),
    ...(position === undefined ? {} : { position }),
    ...(channel === undefined ? {} : { channel }),
  };
}

export function toLogLine(line: LogLine): wire.LogLine {
  return { ...line, level: logLevels.toWire(line.level) };
}

export function fromLogLine({ atMs, level, source, text }: wire.LogLine): LogLine {
  return { atMs, level: logLevels.fromWire(level), source, text };
}

export function toMetrics(metrics: SubtaskMetrics): wire.SubtaskMetrics {
  const { async, ...counts } = metrics;
  return {
    ...counts,
    async: async === undefined ? undefined : toAsyncMetrics(async),
    recordsIn: BigInt(metrics.recordsIn),
    recordsOut: BigInt(metrics.recordsOut),
    recordsLate: BigInt(metrics.recordsLate),
    stateCells: BigInt(metrics.stateCells),
  };
}

export function fromMetrics(metrics: wire.SubtaskMetrics): SubtaskMetrics {
  const { busyMs, idleMs, backpressuredMs, watermarkMs, async, alignedMs } = metrics;
  return {
    subtaskId: parseSubtaskId(metrics.subtaskId).subtaskId,
    recordsIn: Number(metrics.recordsIn),
    recordsOut: Number(metrics.recordsOut),
    recordsLate: Number(metrics.recordsLate),
    busyMs,
    idleMs,
    backpressuredMs,
    watermarkMs,
    stateCells: Number(metrics.stateCells),
    ...(async === undefined ? {} : { async: fromAsyncMetrics(async) }),
    ...(alignedMs === undefined ? {} : { alignedMs }),
  };
}

function toAsyncMetrics(metrics: AsyncMetrics): wire.AsyncMetrics {
  const { breaker } = metrics;
  return {
    inFlight: BigInt(metrics.inFlight),
    capacity: BigInt(metrics.capacity),
    retries: BigInt(metrics.retries),
    timeouts: BigInt(metrics.timeouts),
    notAsked: BigInt(metrics.notAsked),
    ...(breaker === undefined ? {} : { breaker: breakerStates.toWire(breaker) }),
  };
}

function fromAsyncMetrics(metrics: wire.AsyncMetrics): AsyncMetrics {
  const { breaker } = metrics;
  return {
    inFlight: Number(metrics.inFlight),
    capacity: Number(metrics.capacity),
    retries: Number(metrics.retries),
    timeouts: Number(metrics.timeouts),
    notAsked: Number(metrics.notAsked),
    ...(breaker === undefined ? {} : { breaker: breakerStates.fromWire(breaker) }),
  };
}
