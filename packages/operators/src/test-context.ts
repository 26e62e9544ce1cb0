import { silentLogger, type Clock, type LocalDisk } from "@millrace/core";
import type { KeyedBackend } from "@millrace/state";

import type { OperatorContext } from "./operator.ts";

/** What an operator under test did, in order. */
export interface Recorded {
  readonly emitted: { readonly value: unknown; readonly timestampMs: number }[];
  readonly lines: string[];
  /** By tag. */
  readonly side: Map<string, unknown[]>;
  late: number;
}

/** Returns a context that records; ports that operators must not touch throw. */
export function createTestContext(
  over: Partial<Pick<OperatorContext, "subtaskIndex" | "attempt">> & {
    readonly keyed?: KeyedBackend;
    readonly watermarkMs?: () => number;
    /** That of `watermarkMs` unless set. */
    readonly seenWatermarkMs?: () => number;
    readonly processingTimeMs?: () => number;
  } = {},
): { readonly context: OperatorContext; readonly recorded: Recorded } {
  const recorded: Recorded = { emitted: [], lines: [], side: new Map(), late: 0 };
  const context: OperatorContext = {
    jobId: "job",
    operatorName: "op",
    subtaskIndex: over.subtaskIndex ?? 0,
    parallelism: 2,
    attempt: over.attempt ?? 1,
    output: {
      emit: (value, timestampMs) => void recorded.emitted.push({ value, timestampMs }),
    },
    sideOutput: (tag) => ({
      emit: (value, timestampMs) =>
        void recorded.side.set(tag, [...(recorded.side.get(tag) ?? []), [value, timestampMs]]),
    }),
    keyed: over.keyed,
    currentWatermarkMs: over.watermarkMs ?? (() => -Infinity),
    seenWatermarkMs: over.seenWatermarkMs ?? over.watermarkMs ?? (() => -Infinity),
    processingTimeMs: over.processingTimeMs ?? (() => 0),
    turnTimeMs: over.processingTimeMs ?? (() => 0),
    clock: untouchable<Clock>("clock"),
    disk: untouchable<LocalDisk>("disk"),
    logger: silentLogger,
    printLine: (text) => void recorded.lines.push(text),
    countLate: (recordCount) => {
      recorded.late += recordCount;
    },
  };
  return { context, recorded };
}

function untouchable<Port extends object>(name: string): Port {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- stands in for a port
  return new Proxy({} as Port, {
    get: () => {
      throw new Error(`an operator touched the ${name}`);
    },
  });
}
