import { isOperatorName } from "@millrace/core";

import type { AsyncSpec, CircuitBreakerSpec } from "./async-spec.ts";
import { invalidJob } from "./invalid-job.ts";
import type { StreamNode } from "./stream-graph.ts";

/** All of them may have to be asked again after a restore, out of one snapshot. */
const maxCapacity = 1_000_000;
const maxTries = 1_000_000;

/** Throws `job-module-invalid` if the options of an async operator cannot run. */
export function validateAsync({ name }: StreamNode, spec: AsyncSpec): void {
  const { capacity, timeoutMs, retry, circuitBreaker, onTimeout, failuresTo } = spec;
  requireCount(name, "capacity", capacity, maxCapacity);
  if (timeoutMs !== undefined) requireTime(name, "timeout", timeoutMs);
  if (onTimeout !== undefined && timeoutMs === undefined) {
    throw invalidJob(`operator ${name}: onTimeout is never called: give a timeout too`);
  }
  if (retry !== undefined) {
    requireCount(name, "retry.maxAttempts", retry.maxAttempts, maxTries);
    requireTime(name, "retry.backoff.initial", retry.initialDelayMs);
    requireTime(name, "retry.backoff.max", retry.maxDelayMs);
    if (retry.maxDelayMs < retry.initialDelayMs) {
      throw invalidJob(
        `operator ${name}: retry.backoff.max of ${retry.maxDelayMs} ms is below backoff.initial of ${retry.initialDelayMs} ms: raise it`,
      );
    }
  }
  if (failuresTo !== undefined) requireTag(name, failuresTo);
  if (circuitBreaker !== undefined) validateBreaker(name, circuitBreaker);
}

function validateBreaker(name: string, { trip, openMs, probeCount, to }: CircuitBreakerSpec): void {
  if (trip.kind === "in-a-row") {
    requireCount(name, "circuitBreaker.failures", trip.failureCount, maxTries);
  } else {
    requireCount(name, "circuitBreaker.window", trip.tryCount, maxTries);
    if (!(trip.rate > 0 && trip.rate <= 1)) {
      throw invalidJob(
        `operator ${name}: circuitBreaker.failureRate ${trip.rate} is not a share above 0 and up to 1, such as 0.5`,
      );
    }
  }
  requireTime(name, "circuitBreaker.openFor", openMs);
  requireCount(name, "circuitBreaker.probes", probeCount, maxTries);
  requireTag(name, to);
}

function requireCount(name: string, option: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return;
  throw invalidJob(
    `operator ${name}: ${option} ${value} is not a whole number from 1 to ${max}: correct it`,
  );
}

function requireTime(name: string, option: string, valueMs: number): void {
  if (valueMs > 0 && Number.isFinite(valueMs)) return;
  throw invalidJob(
    `operator ${name}: ${option} of ${valueMs} ms is not a length of time above 0: give it as "5 seconds"`,
  );
}

function requireTag(name: string, tag: string): void {
  if (isOperatorName(tag)) return;
  throw invalidJob(
    `operator ${name}: the tag ${JSON.stringify(tag)} is not a name: begin with a letter or digit, then letters, digits, \`_\`, \`.\` or \`-\`, at most 100`,
  );
}
