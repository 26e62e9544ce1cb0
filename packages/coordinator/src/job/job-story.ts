import type { CommittedCheckpoint } from "@millrace/checkpoint";
import type { FailureData, JobId, LogFields, LogLevel } from "@millrace/core";
import type { JobState, RecoverySummary } from "@millrace/rpc";

import type { RaisedAttempt } from "../checkpoint/recovery.ts";
import type { CoordinatorContext } from "../context.ts";
import type { LogBuffer } from "../logs/log-buffer.ts";
import type { JobMachine, SlotShortage } from "./job-states.ts";
import { describeFailure, formatBytes } from "./job-view.ts";

/** What happens to a job, told in lines: for `logs`, and for the coordinator's own log. */
export class JobStory {
  readonly #context: CoordinatorContext;
  readonly #jobId: JobId;
  readonly #logs: LogBuffer;
  readonly #attempt: () => number;

  constructor(options: {
    readonly context: CoordinatorContext;
    readonly jobId: JobId;
    readonly logs: LogBuffer;
    readonly attempt: () => number;
  }) {
    this.#context = options.context;
    this.#jobId = options.jobId;
    this.#logs = options.logs;
    this.#attempt = options.attempt;
  }

  say(level: Exclude<LogLevel, "debug">, text: string, fields: LogFields = {}): void {
    const { clock, logger } = this.#context;
    this.#logs.append([{ atMs: clock.wallMs(), level, source: "", text }]);
    logger.log(level, text, { jobId: this.#jobId, attempt: this.#attempt(), ...fields });
  }

  stateChanged(state: JobState, { phase }: JobMachine): void {
    const why =
      phase.kind === "ended" && phase.outcome.kind === "failed"
        ? `: ${describeFailure(phase.outcome.failure)}`
        : "";
    this.say(state === "failed" ? "error" : "info", `job ${state}${why}`, { state });
  }

  waitsForSlots({ needed, free }: SlotShortage): void {
    this.say("warn", `waits for slots: needs ${needed}, ${free} free`, { needed, free });
  }

  deployed(raised: RaisedAttempt, workers: readonly string[]): void {
    const from = raised.restore?.checkpoint;
    const source =
      from === undefined
        ? "from the beginning"
        : `from checkpoint ${from.checkpointId}${originOf(raised)} (${formatBytes(from.totalBytes)})`;
    this.say("info", `attempt ${raised.attempt} on ${workers.join(", ")}, ${source}`, {
      workers: workers.join(","),
      checkpointId: from?.checkpointId,
    });
  }

  attemptFailed(failure: FailureData): void {
    const text = `attempt ${this.#attempt()} failed: ${describeFailure(failure)}`;
    this.say("warn", text, { code: failure.code });
  }

  recovered(summary: RecoverySummary): void {
    const { durationMs, checkpointId, restoredBytes, sourcePositions, cause } = summary;
    const from =
      checkpointId === undefined
        ? "from the beginning"
        : `from checkpoint ${checkpointId}, ${formatBytes(restoredBytes)} of state`;
    const positions = sourcePositions === "" ? "" : `, sources at ${sourcePositions}`;
    this.say("info", `recovered in ${durationMs} ms ${from}${positions} (${cause})`, {
      durationMs,
      checkpointId,
      restoredBytes,
      sourcePositions,
    });
  }

  committed({ checkpointId, kind, newBytes, totalBytes, durationMs }: CommittedCheckpoint): void {
    const name = kind === "final" ? "final checkpoint" : kind;
    const size = `${formatBytes(newBytes)} new, ${formatBytes(totalBytes)} in all`;
    this.say("info", `${name} ${checkpointId} completed in ${durationMs} ms: ${size}`, {
      checkpointId,
      durationMs,
      newBytes,
      totalBytes,
    });
  }

  checkpointFailed(reason: string, failedInRow: number): void {
    const row = failedInRow > 1 ? ` (${failedInRow} in a row)` : "";
    this.say("warn", `${reason}${row}; the job goes on`, { failedInRow });
  }
}

function originOf({ restore }: RaisedAttempt): string {
  return restore?.isForeign === true ? ` of job ${restore.manifest.jobId}` : "";
}
